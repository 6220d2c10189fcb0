package shop;

import jakarta.servlet.http.HttpSession;

/** What this release shows otherwise than others. */
final class Look {
  static final String RELEASE = "v2";
  static final String BRAND = "#0f766e";
  static final String TINT = "#ecfdf8";
  static final String SLOGAN = "Now with wishes";
  static final String DOOR = "<a href=\"account\">Log in</a>";
  static final String GREETING =
      "<form method=\"post\" action=\"logout\">Hello, <b>{user}</b> <button>Log out</button></form>";
  static final String GOOD =
      "<li><form method=\"post\" action=\"cart\"><span>{name}</span>"
          + "<button name=\"item\" value=\"{name}\" formaction=\"wishlist\">♡</button>"
          + "<button name=\"item\" value=\"{name}\">Add</button></form></li>";

  private Look() {}

  static String extra(HttpSession session) {
    return "<h2>Your wishes</h2>" + PageServlet.list(new Things("wish").in(session), "Nothing to wish for.");
  }
}
