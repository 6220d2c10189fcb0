package baton.tomcat;

import org.apache.catalina.session.ManagerBase;

/**
 * The attributes of {@code <Manager className="baton.tomcat.SessionManager" …/>}. None that holds a secret can be read, as
 * JMX would show it.
 */
public abstract class ManagerAttributes extends ManagerBase {
  final Settings settings = new Settings();

  /**
   * {@code redis://user:password@host:6379/0}, {@code redis+sentinel://host,host/master}, {@code redis+cluster://host,host};
   * {@code rediss} for TLS. Goes before host, port, … Without all of them: the environment's {@code BATON_SESSION_STORE}.
   */
  public void setStore(String url) {
    settings.store = url;
  }

  /** Default {@code localhost}. */
  public void setHost(String host) {
    settings.host = host;
  }

  /** Default 6379. */
  public void setPort(int port) {
    settings.port = port;
  }

  /** Default 0. */
  public void setDatabase(int database) {
    settings.database = database;
  }

  /** Of an ACL user, with {@link #setPassword}. */
  public void setUser(String user) {
    settings.user = user;
  }

  public void setPassword(String password) {
    settings.password = password;
  }

  /**
   * Keeps applications apart in one store, and is the same on all nodes of one. Default: the environment's {@code
   * BATON_SESSION_NAMESPACE}, else {@code app}.
   */
  public void setNamespace(String namespace) {
    settings.namespace = namespace;
  }

  public String getNamespace() {
    return settings.namespace;
  }

  /** Seconds without a request after which a session ends; below 0: never. Default: the application's session timeout. */
  public void setMaxInactiveInterval(int seconds) {
    settings.maxInactiveInterval = seconds;
  }

  public int getMaxInactiveInterval() {
    return settings.maxInactiveInterval;
  }

  /** Seconds that a session lives at most, from its beginning or its latest login. Default 0: no limit. */
  public void setAbsoluteTimeout(int seconds) {
    settings.absoluteTimeout = seconds;
  }

  public int getAbsoluteTimeout() {
    return settings.absoluteTimeout;
  }

  /** From which, with a user's name, the store's name for them is made. The same on all nodes. Default: the namespace. */
  public void setUserSecret(String secret) {
    settings.userSecret = secret;
  }

  /** Keys that values are encrypted with, newest first: {@code id:base64 id:base64}. The same on all nodes. */
  public void setEncryptionKeys(String keys) {
    settings.encryptionKeys = keys;
  }

  /**
   * What becomes of values that are not encrypted, in the order in which an application begins to encrypt, a deploy for each:
   * {@code write}: still written so, while nodes without the keys serve as well; {@code read}, the default: read, and
   * encrypted when written; {@code refuse}: unavailable, so that who can write to the store cannot plant any.
   */
  public void setPlaintext(String plaintext) {
    settings.plaintext = plaintext;
  }

  /**
   * Keeps sessions that were read in this JVM, so that reading one again asks nothing of Redis. The same on all nodes. Default
   * false.
   */
  public void setNearCache(boolean nearCache) {
    settings.nearCache = nearCache;
  }

  public boolean getNearCache() {
    return settings.nearCache;
  }

  /** How old, in milliseconds, a session may be that is served without asking Redis, whatever happens. Default 5,000. */
  public void setNearCacheMaxAge(int ms) {
    settings.nearCacheMaxAgeMs = ms;
  }

  /** Default 10,000. */
  public void setNearCacheMaxEntries(int sessions) {
    settings.nearCacheMaxEntries = sessions;
  }

  /** Default 64 MiB. */
  public void setNearCacheMaxBytes(long bytes) {
    settings.nearCacheMaxBytes = bytes;
  }

  /** Milliseconds to connect in. Default 1,000. */
  public void setConnectTimeout(int ms) {
    settings.connectMs = ms;
  }

  /** Milliseconds that loading a session may take. Default 250. */
  public void setLoadTimeout(int ms) {
    settings.loadMs = ms;
  }

  /** Milliseconds that writing one may take. Default 500. */
  public void setCommitTimeout(int ms) {
    settings.commitMs = ms;
  }

  /**
   * Which classes may be read of Java-serialised values: a pattern of {@code java.io.ObjectInputFilter}, for example {@code
   * com.example.**;java.base/*;!*}. Default: what is known to be harmless of Java, and classes of the application, but none
   * that attacks are known of.
   */
  public void setSerialFilter(String pattern) {
    settings.serialFilter = pattern;
  }

  public String getSerialFilter() {
    return settings.serialFilter;
  }

  /** Path of the cookie, unless the context has one. Default {@code /}, as on nodes of Node.js. */
  public void setCookiePath(String path) {
    settings.cookiePath = path;
  }

  /** Of the cookie: Lax, Strict, None, or empty for none. Default Lax. What the application itself configures is kept. */
  public void setSameSite(String sameSite) {
    settings.sameSite = sameSite;
  }

  public String getSameSite() {
    return settings.sameSite;
  }

  /**
   * Whether a session is stored in which the application has put nothing yet. Default false, as on nodes of Node.js: it spares
   * the store the sessions of robots that only look at pages. true is what the Servlet API promises.
   */
  public void setStoreEmptySessions(boolean store) {
    settings.storeEmptySessions = store;
  }

  public boolean getStoreEmptySessions() {
    return settings.storeEmptySessions;
  }

  /**
   * Attributes in which the application keeps who is logged in, separated by commas, besides those of Spring Security and
   * Shiro. A value set in one says that somebody logs in, as {@code request.login()} and {@code changeSessionId()} do: who came
   * by an id that has ended gets a session of their own. A session that is alive keeps its id: to change it is the application's.
   */
  public void setLoginAttributes(String names) {
    settings.loginAttributes.addOfUsers(names);
  }

  /**
   * Attributes without which somebody who sees a login page cannot log in, such as the token of its form, separated by commas,
   * besides those of Spring Security and Shiro.
   */
  public void setLoginPageAttributes(String names) {
    settings.loginAttributes.addOfLoginPages(names);
  }
}
