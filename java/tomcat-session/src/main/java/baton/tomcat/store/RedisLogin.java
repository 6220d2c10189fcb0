package baton.tomcat.store;

import java.nio.charset.StandardCharsets;
import java.net.URLDecoder;

/** Who we are to a server. Never printed. */
final class RedisLogin {
  private final String username;
  private final String password;

  RedisLogin(String username, String password) {
    this.username = username;
    this.password = password;
  }

  /** {@code userinfo}: {@code user:password} of a URL. Throws IllegalArgumentException for damaged percent-encoding. */
  static RedisLogin of(String userinfo) {
    int colon = userinfo.indexOf(':');
    return new RedisLogin(
        decoded(colon < 0 ? userinfo : userinfo.substring(0, colon)), colon < 0 ? "" : decoded(userinfo.substring(colon + 1)));
  }

  static String decoded(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  /** "": the default user. */
  String username() {
    return username;
  }

  /** "": none. */
  String password() {
    return password;
  }
}
