package baton.tomcat;

import org.apache.catalina.session.ManagerBase;

/**
 * The attributes of {@code <Manager className="baton.tomcat.SessionManager" …/>}. None that holds a secret can be read, as
 * JMX would show it.
 */
public abstract class ManagerAttributes extends ManagerBase {
  final Settings settings = new Settings();

  /** For example {@code redis://user:password@host:6379/0}, {@code rediss://…} for TLS. Goes before host, port, … */
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

  /** Keeps applications apart in one store, and is the same on all nodes of one. Default {@code app}. */
  public void setNamespace(String namespace) {
    settings.namespace = namespace;
  }

  public String getNamespace() {
    return settings.namespace;
  }

  /** Seconds without a request after which a session ends. Default: the application's session timeout. */
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

  /** Whether values that are not encrypted are unavailable. Default false. */
  public void setRefusePlaintext(boolean refuse) {
    settings.refusePlaintext = refuse;
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
   * Whether a session is stored in which the application has put nothing yet. Default true, as the Servlet API promises it.
   * false spares the store the sessions of robots that only look at pages.
   */
  public void setStoreEmptySessions(boolean store) {
    settings.storeEmptySessions = store;
  }

  public boolean getStoreEmptySessions() {
    return settings.storeEmptySessions;
  }
}
