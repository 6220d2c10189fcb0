package shop;

import jakarta.servlet.http.HttpSession;

/** What this release shows otherwise than others. */
final class Look {
  static final String RELEASE = "v1";
  static final String BRAND = "#1d4ed8";
  static final String TINT = "#eff4ff";
  static final String SLOGAN = "Good things, close by";
  static final String DOOR = "<a href=\"account\">Log in</a>";
  static final String GREETING =
      "<form method=\"post\" action=\"logout\">Hello, <b>{user}</b> <button>Log out</button></form>";
  static final String GOOD =
      "<li><form method=\"post\" action=\"cart\"><span>{name}</span>"
          + "<button name=\"item\" value=\"{name}\">Add</button></form></li>";

  private Look() {}

  static String extra(HttpSession session) {
    return "";
  }
}
