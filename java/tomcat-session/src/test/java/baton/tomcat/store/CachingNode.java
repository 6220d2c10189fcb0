package baton.tomcat.store;

import baton.tomcat.format.Envelope;
import baton.tomcat.format.ValueCodec;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** One node with a near cache, behind a proxy of its own. */
final class CachingNode implements AutoCloseable {
  static final Timeouts PATIENT = new Timeouts(5_000, 5_000, 5_000);
  /** Far beyond any test: what is current then is so because of an invalidation, or of a version. */
  static final NearCacheLimits LONG = new NearCacheLimits(600_000, 10_000, 64 << 20);

  private static final ValueCodec CODEC = new ValueCodec(null);

  final RespProxy proxy;
  final NearCache store;

  CachingNode(RedisProcess redis, NearCacheLimits limits, Timeouts timeouts) throws Exception {
    proxy = new RespProxy(redis.port());
    store = NearCache.open(proxy.url(), "near", timeouts, limits);
    orAgain(() -> store.load(Records.newKey()));
  }

  CachingNode(RedisProcess redis) throws Exception {
    this(redis, LONG, PATIENT);
  }

  /** With an attribute {@code a} that is 1. */
  String newSession() throws Exception {
    String key = Records.newKey();
    orAgain(() -> store.create(key, Records.record("a", Records.sealed(1)), 60_000, null));
    return key;
  }

  Stored peek(String key) {
    return store.peek(key, Wanted.NORMAL);
  }

  /** Until an invalidation has arrived. */
  void gone(String key) throws Exception {
    until(() -> peek(key) == null);
  }

  Object value(String key, String name) throws Exception {
    return valueIn(store.load(key), name);
  }

  static Object valueIn(Stored stored, String name) {
    byte[] bytes = stored == null ? null : stored.fields().get("." + name);
    return bytes == null ? null : CODEC.decode(name, Envelope.open(bytes));
  }

  static long versionIn(Stored stored) {
    return RedisReplies.number(stored.fields().get("@v"));
  }

  static void until(Callable<Boolean> isSo) throws Exception {
    long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!isSo.call()) {
      if (System.nanoTime() > untilNs) throw new AssertionError("it did not come to be within 10 s");
      Thread.sleep(2);
    }
  }

  /** A connection that was cut fails what was under way. */
  static <T> T orAgain(Callable<T> work) throws Exception {
    while (true) {
      try {
        return work.call();
      } catch (SessionStoreException away) {
        Thread.sleep(5);
      }
    }
  }

  @Override
  public void close() throws IOException {
    store.close();
    proxy.close();
  }
}
