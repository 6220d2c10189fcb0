package baton.tomcat;

import baton.tomcat.format.EncryptionKeys;
import baton.tomcat.format.SessionException;
import baton.tomcat.session.SessionOptions;
import baton.tomcat.store.NearCacheLimits;
import baton.tomcat.store.Timeouts;
import java.io.ObjectInputFilter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/** What the attributes of {@code <Manager>} say. */
final class Settings {
  String store;
  String host;
  int port;
  int database = -1;
  String user = "";
  String password = "";
  String namespace = new SessionOptions().namespace();
  String userSecret;
  String encryptionKeys = "";
  String plaintext = "read";
  boolean nearCache;
  long nearCacheMaxAgeMs = NearCacheLimits.DEFAULT.maxAgeMs();
  int nearCacheMaxEntries = NearCacheLimits.DEFAULT.maxEntries();
  long nearCacheMaxBytes = NearCacheLimits.DEFAULT.maxBytes();
  int maxInactiveInterval;
  int absoluteTimeout;
  long connectMs = Timeouts.DEFAULT.connectMs();
  long loadMs = Timeouts.DEFAULT.loadMs();
  long commitMs = Timeouts.DEFAULT.commitMs();
  String serialFilter;
  String cookiePath = "/";
  String sameSite = "Lax";
  boolean storeEmptySessions;
  final LoginAttributes loginAttributes = new LoginAttributes();

  SessionOptions options(long maxInactiveMs) {
    SessionOptions options = new SessionOptions();
    String url = url();
    if (url != null) options.url(url);
    return options
        .namespace(namespace)
        .nearCache(nearCache())
        .userSecret(userSecret)
        .encryption(keys())
        .maxInactiveMs(maxInactiveMs)
        .absoluteMs(1000L * absoluteTimeout)
        .timeouts(new Timeouts(connectMs, loadMs, commitMs));
  }

  /** {@code names}: Tomcat's own filter of names of classes, or null. Throws SessionException OPTIONS. */
  ObjectInputFilter serialFilter(String names, Consumer<Class<?>> onRefused) {
    ObjectInputFilter filter = serialFilter == null ? new DefaultFilter() : parsed(serialFilter);
    return new ReportingFilter(filter, names == null ? null : Pattern.compile(names), onRefused);
  }

  private static ObjectInputFilter parsed(String pattern) {
    try {
      return ObjectInputFilter.Config.createFilter(pattern);
    } catch (IllegalArgumentException wrong) {
      throw new SessionException(
          SessionException.Code.OPTIONS, "serialFilter: " + wrong.getMessage() + "; see java.io.ObjectInputFilter", wrong);
    }
  }

  /** null: there is none. Throws SessionException OPTIONS. */
  NearCacheLimits nearCache() {
    return nearCache ? new NearCacheLimits(nearCacheMaxAgeMs, nearCacheMaxEntries, nearCacheMaxBytes) : null;
  }

  /** null: what the environment says. */
  private String url() {
    if (store != null) return store;
    if (host == null && port == 0 && database < 0 && password.isEmpty()) return null;
    String login = password.isEmpty() ? "" : encoded(user) + ":" + encoded(password) + "@";
    String where = (host == null ? "localhost" : host) + ":" + (port == 0 ? 6379 : port);
    return "redis://" + login + where + "/" + Math.max(0, database);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private EncryptionKeys keys() {
    if (encryptionKeys.isBlank()) return null;
    Map<String, String> byId = new LinkedHashMap<>();
    for (String key : encryptionKeys.trim().split("[\\s,]+")) {
      int colon = key.indexOf(':');
      byId.put(key.substring(0, Math.max(0, colon)), key.substring(colon + 1));
    }
    return EncryptionKeys.of(byId, EncryptionKeys.Plaintext.of(plaintext));
  }
}
