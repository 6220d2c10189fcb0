package baton.tomcat.session;

import baton.tomcat.format.EncryptionKeys;
import baton.tomcat.format.JavaValues;
import baton.tomcat.format.SessionException;
import baton.tomcat.store.NearCacheLimits;
import baton.tomcat.store.SessionStore;
import baton.tomcat.store.Timeouts;
import java.util.Map;
import java.util.function.Consumer;

/** What the sessions of an application are to be like. Every setter gives this object. Times are in milliseconds. */
public final class SessionOptions {
  /** Under which an application finds its store, and its name in it, unless it says so itself. */
  public static final String STORE_VARIABLE = "BATON_SESSION_STORE";
  public static final String NAMESPACE_VARIABLE = "BATON_SESSION_NAMESPACE";

  SessionStore store;
  String url;
  String namespace;
  String userSecret;
  long maxInactiveMs = 1_800_000;
  long absoluteMs;
  JavaValues javaValues;
  EncryptionKeys encryption;
  NearCacheLimits nearCache;
  Timeouts timeouts = Timeouts.DEFAULT;
  Limits limits = Limits.DEFAULT;
  Consumer<SessionException> onDropped = error -> {};
  Consumer<RuntimeException> onError = error -> {};

  public SessionOptions() {
    this(System.getenv());
  }

  SessionOptions(Map<String, String> environment) {
    url = set(environment, STORE_VARIABLE, "redis://localhost:6379");
    namespace = set(environment, NAMESPACE_VARIABLE, "app");
  }

  private static String set(Map<String, String> environment, String variable, String otherwise) {
    String value = environment.get(variable);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  /** An open store, which others may share: it is not closed with these sessions. Goes before {@link #url}. */
  public SessionOptions store(SessionStore store) {
    this.store = store;
    return this;
  }

  /**
   * {@code redis://user:password@host:6379/0}, {@code redis+sentinel://host,host/master}, {@code redis+cluster://host,host};
   * {@code rediss} for TLS. Default: the environment's {@code BATON_SESSION_STORE}, else {@code redis://localhost:6379}.
   */
  public SessionOptions url(String url) {
    this.url = url;
    return this;
  }

  /**
   * Keeps applications apart in one store; the same on all nodes: 1 to 64 of {@code A-Za-z0-9_.-}. Default: the environment's
   * {@code BATON_SESSION_NAMESPACE}, else {@code app}.
   */
  public SessionOptions namespace(String namespace) {
    this.namespace = namespace;
    return this;
  }

  public String namespace() {
    return namespace;
  }

  /** Under which users are named in the store; the same on all nodes. null: the namespace. */
  public SessionOptions userSecret(String userSecret) {
    this.userSecret = userSecret;
    return this;
  }

  public SessionOptions maxInactiveMs(long maxInactiveMs) {
    this.maxInactiveMs = maxInactiveMs;
    return this;
  }

  /** How long a session lives at most, from its beginning or its latest login; 0: for as long as it is used. */
  public SessionOptions absoluteMs(long absoluteMs) {
    this.absoluteMs = absoluteMs;
    return this;
  }

  /** How values that no other tag can hold are written and read. null: they are refused, and opaque. */
  public SessionOptions javaValues(JavaValues javaValues) {
    this.javaValues = javaValues;
    return this;
  }

  /** null: values are not encrypted. */
  public SessionOptions encryption(EncryptionKeys encryption) {
    this.encryption = encryption;
    return this;
  }

  /**
   * Keeps sessions that were read in this JVM, so that reading one again asks nothing of Redis; only for a store that is opened
   * here. null, the default: it does not.
   */
  public SessionOptions nearCache(NearCacheLimits nearCache) {
    this.nearCache = nearCache;
    return this;
  }

  public SessionOptions timeouts(Timeouts timeouts) {
    this.timeouts = timeouts;
    return this;
  }

  public SessionOptions limits(Limits limits) {
    this.limits = limits;
    return this;
  }

  /** Told of each write that came after its session had ended. */
  public SessionOptions onDropped(Consumer<SessionException> onDropped) {
    this.onDropped = onDropped;
    return this;
  }

  /** Told of what went wrong where nobody waits for an answer. */
  public SessionOptions onError(Consumer<RuntimeException> onError) {
    this.onError = onError;
    return this;
  }
}
