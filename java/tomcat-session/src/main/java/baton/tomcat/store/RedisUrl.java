package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import java.io.File;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where Redis is, and who we are to it. Never shows the password. */
final class RedisUrl {
  private static final Pattern SHAPE =
      Pattern.compile("(rediss?)://(?:([^/?#]*)@)?(\\[[0-9a-fA-F:.]+]|[^:/?#@\\s,]*)(?::(\\d{1,5}))?(?:/([^?#]*))?(?:\\?([^#]*))?");
  private static final Set<String> PARAMETERS = Set.of("db", "ca", "cert", "key");

  private final boolean tls;
  private final String host;
  private final int port;
  private final int database;
  private final String username;
  private final String password;
  private final Map<String, String> parameters;

  private RedisUrl(Matcher matcher) {
    tls = matcher.group(1).equals("rediss");
    host = matcher.group(3).isEmpty() ? "localhost" : matcher.group(3).replaceAll("[\\[\\]]", "");
    port = matcher.group(4) == null ? 6379 : Integer.parseInt(matcher.group(4));
    if (port < 1 || port > 65_535) throw unreadable();
    String login = matcher.group(2) == null ? "" : matcher.group(2);
    int colon = login.indexOf(':');
    username = decoded(colon < 0 ? login : login.substring(0, colon));
    password = colon < 0 ? "" : decoded(login.substring(colon + 1));
    parameters = parametersOf(matcher.group(6));
    String path = matcher.group(5) == null ? "" : matcher.group(5);
    database = databaseOf(parameters.getOrDefault("db", path));
  }

  /** Throws {@link SessionException} {@code OPTIONS}, which never holds the URL: there may be a password in it. */
  static RedisUrl parse(String url) {
    if (url.matches("(?s)(rediss?\\+(sentinel|cluster)|unix|redis\\+unix)://.*")) {
      throw wrong("this Redis URL names sentinels, a cluster or a socket, which Tomcat's sessions cannot use yet; write redis://host:port");
    }
    Matcher matcher = SHAPE.matcher(url);
    if (!matcher.matches()) throw unreadable();
    return new RedisUrl(matcher);
  }

  boolean isTls() {
    return tls;
  }

  String host() {
    return host;
  }

  int port() {
    return port;
  }

  int database() {
    return database;
  }

  /** "": the default user. */
  String username() {
    return username;
  }

  /** "": none. */
  String password() {
    return password;
  }

  /** {@code ca}, {@code cert} or {@code key}, files in PEM; null: not given. */
  File file(String parameter) {
    String name = parameters.get(parameter);
    if (name == null) return null;
    File file = new File(name);
    if (file.canRead()) return file;
    throw wrong("the file \"" + name + "\", \"" + parameter + "\" in the Redis URL, cannot be read");
  }

  private static Map<String, String> parametersOf(String query) {
    Map<String, String> parameters = new HashMap<>();
    for (String part : query == null ? new String[0] : query.split("&")) {
      int equals = part.indexOf('=');
      String name = equals < 0 ? part : part.substring(0, equals);
      if (!PARAMETERS.contains(name)) {
        throw wrong("the Redis URL has the parameter \"" + name + "\"; known are ca, cert, db, key");
      }
      parameters.put(name, equals < 0 ? "" : decoded(part.substring(equals + 1)));
    }
    return parameters;
  }

  private static int databaseOf(String text) {
    if (text.matches("\\d{0,5}")) return text.isEmpty() ? 0 : Integer.parseInt(text);
    throw wrong("the database in the Redis URL is no number; write redis://host:port/0");
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException damaged) {
      throw unreadable();
    }
  }

  private static SessionException unreadable() {
    return wrong(
        "the Redis URL cannot be read; write redis://user:password@host:port/database, with what is special in the password"
            + " percent-encoded");
  }

  private static SessionException wrong(String message) {
    return new SessionException(SessionException.Code.OPTIONS, message);
  }
}
