package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where Redis is, and who we are to it. Never shows the password. */
final class RedisUrl {
  enum Topology {
    SINGLE,
    SENTINEL,
    CLUSTER
  }

  private static final Pattern SCHEME = Pattern.compile("(rediss?)(?:\\+(sentinel|cluster))?://");
  private static final Pattern SOCKET = Pattern.compile("(?s)(?:redis\\+)?unix://.*");
  private static final Pattern REST = Pattern.compile("(?:([^/?#]*)@)?([^/?#@]*)(/[^?#]*)?(?:\\?([^#]*))?");
  private static final Pattern ADDRESS = Pattern.compile("(?:\\[([0-9a-fA-F:.]+)]|([^:\\[\\]\\s]+))(?::(\\d{1,5}))?");
  private static final List<String> PARAMETERS =
      List.of("db", "ca", "cert", "key", "servername", "sentinelUsername", "sentinelPassword");

  private final Topology topology;
  private final boolean tls;
  private final List<RedisAddress> addresses = new ArrayList<>();
  private final String masterName;
  private final int database;
  private final RedisLogin login;
  private final Map<String, String> parameters;

  private RedisUrl(Matcher scheme, Matcher rest) {
    tls = scheme.group(1).equals("rediss");
    topology = scheme.group(2) == null ? Topology.SINGLE : Topology.valueOf(scheme.group(2).toUpperCase(java.util.Locale.ROOT));
    boolean isSentinel = topology == Topology.SENTINEL;
    String hosts = rest.group(2).isEmpty() ? "localhost" : rest.group(2);
    for (String host : hosts.split(",", -1)) addresses.add(addressOf(host, isSentinel ? 26_379 : 6379));
    login = RedisLogin.of(rest.group(1) == null ? "" : rest.group(1));
    parameters = parametersOf(rest.group(4));
    String[] path = rest.group(3) == null ? new String[0] : rest.group(3).substring(1).split("/", -1);
    masterName = isSentinel && path.length > 0 ? RedisLogin.decoded(path[0]) : "";
    int databaseAt = isSentinel ? 1 : 0;
    database = databaseOf(parameters.getOrDefault("db", path.length > databaseAt ? path[databaseAt] : ""));
  }

  /** Throws {@link SessionException} {@code OPTIONS}, which never holds the URL: there may be a password in it. */
  static RedisUrl parse(String url) {
    if (SOCKET.matcher(url).matches()) {
      throw wrong(
          "the Redis URL names a unix socket, which Tomcat's sessions cannot use, as Java has none without a native library;"
              + " have Redis listen at 127.0.0.1 and write redis://127.0.0.1:6379");
    }
    Matcher scheme = SCHEME.matcher(url);
    if (!scheme.lookingAt()) throw wrong(noRedis(url));
    Matcher rest = REST.matcher(url.substring(scheme.end()));
    if (!rest.matches()) throw unreadable();
    RedisUrl parsed;
    try {
      parsed = new RedisUrl(scheme, rest);
    } catch (IllegalArgumentException damaged) {
      throw unreadable();
    }
    if (parsed.topology == Topology.SENTINEL && parsed.masterName.isEmpty()) {
      throw wrong("the Redis URL names no master; write redis+sentinel://host:26379,host:26379/<master>/<database>");
    }
    if (parsed.topology == Topology.CLUSTER && parsed.database != 0) {
      throw wrong("a Redis Cluster has only database 0; leave it out of the URL");
    }
    if (parsed.topology == Topology.SINGLE && parsed.addresses.size() > 1) throw unreadable();
    return parsed;
  }

  Topology topology() {
    return topology;
  }

  boolean isTls() {
    return tls;
  }

  /** Of the server, the sentinels, or some servers of the cluster; at least one. */
  List<RedisAddress> addresses() {
    return addresses;
  }

  /** What the sentinels call the master. */
  String masterName() {
    return masterName;
  }

  int database() {
    return database;
  }

  RedisLogin login() {
    return login;
  }

  RedisLogin sentinelLogin() {
    return new RedisLogin(
        parameters.getOrDefault("sentinelUsername", ""), parameters.getOrDefault("sentinelPassword", ""));
  }

  /** The name that the server's certificate is for; null: its host. */
  String serverName() {
    return parameters.get("servername");
  }

  /** {@code ca}, {@code cert} or {@code key}, files in PEM; null: not given. */
  File file(String parameter) {
    String name = parameters.get(parameter);
    if (name == null) return null;
    File file = new File(name);
    if (file.canRead()) return file;
    throw wrong("the file \"" + name + "\", \"" + parameter + "\" in the Redis URL, cannot be read");
  }

  private static RedisAddress addressOf(String text, int defaultPort) {
    Matcher matcher = ADDRESS.matcher(text);
    if (!matcher.matches()) throw unreadable();
    int port = matcher.group(3) == null ? defaultPort : Integer.parseInt(matcher.group(3));
    if (port < 1 || port > 65_535) throw unreadable();
    return new RedisAddress(matcher.group(1) == null ? matcher.group(2) : matcher.group(1), port);
  }

  private static Map<String, String> parametersOf(String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String part : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
      int equals = part.indexOf('=');
      String name = equals < 0 ? part : part.substring(0, equals);
      if (!PARAMETERS.contains(name)) {
        throw wrong("the Redis URL has the parameter \"" + name + "\"; known are " + String.join(", ", PARAMETERS));
      }
      parameters.put(name, equals < 0 ? "" : RedisLogin.decoded(part.substring(equals + 1)));
    }
    return parameters;
  }

  private static int databaseOf(String text) {
    if (text.matches("\\d{0,5}")) return text.isEmpty() ? 0 : Integer.parseInt(text);
    throw wrong("the database in the Redis URL is no number; write redis://host:port/0");
  }

  private static String noRedis(String url) {
    Matcher scheme = Pattern.compile("([a-zA-Z][a-zA-Z0-9+.-]{0,30}):.*", Pattern.DOTALL).matcher(url);
    return "the session store "
        + (scheme.matches() ? "has the scheme \"" + scheme.group(1) + "\"" : "has no scheme")
        + ", and Tomcat's sessions are kept in Redis; write redis://host:port or rediss://…, or one with +sentinel or +cluster";
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
