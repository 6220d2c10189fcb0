package baton.tomcat.store;

import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** Budgets and the way back, with the real server away. Alone, since it measures time. */
@Isolated
class OutageTest {
  /** What a busy machine adds to a budget. */
  private static final long SLACK_MS = 400;

  private RedisProcess redis;
  private SessionStore store;

  @BeforeEach
  void open() throws Exception {
    redis = RedisProcess.start("--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "local");
    store = RedisStore.open(redis.url(), "test", Timeouts.DEFAULT);
    store.load(newKey());
  }

  @AfterEach
  void close() throws Exception {
    store.close();
    redis.close();
  }

  @Test
  void frozenItIsUnavailableWithinTheBudgetAndThenAtOnce() throws Exception {
    String key = newKey();
    store.create(key, record("a", sealed(1)), 60_000, null);
    redis.freeze();
    assertAway(() -> store.load(key), 250 + SLACK_MS);
    assertAway(() -> store.commit(key, set(".a", sealed(2)), 60_000), 500 + SLACK_MS);
    for (int at = 0; at < 6; at += 1) assertAway(() -> store.load(key), 250 + SLACK_MS);
    assertFalse(store.health().isUp());
    assertAway(() -> store.load(key), 50);
    redis.thaw();
    backWithin(1_000 + SLACK_MS, key);
    assertTrue(store.health().isUp());
  }

  @Test
  void onePauseIsOneFailureHoweverManyCallsItHasMet() throws Exception {
    String key = newKey();
    store.create(key, record("a", sealed(1)), 60_000, null);
    redis.freeze();
    ExecutorService pool = Executors.newFixedThreadPool(20);
    try {
      List<Future<?>> met = new ArrayList<>();
      for (int at = 0; at < 20; at += 1) met.add(pool.submit(() -> store.load(key)));
      for (Future<?> call : met) assertThrows(ExecutionException.class, call::get);
    } finally {
      pool.shutdown();
    }
    assertTrue(store.health().isUp());
    redis.thaw();
    assertNotNull(store.load(key));
  }

  @Test
  void killedItIsUnavailableAndBackWithinASecond() throws Exception {
    String key = newKey();
    store.create(key, record("a", sealed(1)), 60_000, null);
    redis.kill();
    for (int at = 0; at < 8; at += 1) assertAway(() -> store.load(key), 250 + SLACK_MS);
    assertAway(() -> store.commit(key, set(".late", sealed(1)), 60_000), 500 + SLACK_MS);
    redis.startAgain();
    backWithin(1_000 + SLACK_MS, key);
    // Nothing is queued: what failed is not sent later.
    assertFalse(store.load(key).fields().containsKey(".late"));
    assertEquals(OptionalLong.of(2), store.commit(key, set(".a", sealed(3)), 60_000));
  }

  @Test
  void aLoadWhoseConnectionIsLostIsSentAgain() throws Exception {
    try (TripCounter proxy = new TripCounter(redis.port());
        SessionStore behind = RedisStore.open(proxy.url(), "test", Timeouts.DEFAULT)) {
      String key = newKey();
      behind.create(key, record("a", sealed(1)), 60_000, null);
      for (int at = 0; at < 5; at += 1) {
        proxy.cut();
        assertNotNull(behind.load(key));
      }
    }
  }

  @Test
  void anErrorReplyIsNotAbsence() throws Exception {
    String key = newKey();
    try (RawRedis raw = redis.raw()) {
      raw.ask("SET", "test:s:" + key, "not a hash");
    }
    assertThrows(SessionStoreException.class, () -> store.load(key));
    assertThrows(SessionStoreException.class, () -> store.commit(key, set(".a", sealed(1)), 60_000));
    assertTrue(store.health().isUp());
  }

  @Test
  void outOfMemoryNothingGrowsAndEverythingCanBeReadAndEnded() throws Exception {
    String key = newKey();
    store.create(key, record("a", sealed(1)), 60_000, null);
    try (RawRedis raw = redis.raw()) {
      raw.ask("CONFIG", "SET", "maxmemory", "1");
      assertThrows(SessionStoreException.class, () -> store.commit(key, set(".b", sealed(2)), 60_000));
      assertFalse(store.load(key).fields().containsKey(".b"));
      raw.ask("CONFIG", "SET", "maxmemory", "0");
    }
    assertEquals(OptionalLong.of(2), store.commit(key, set(".b", sealed(2)), 60_000));
  }

  @Test
  void scriptsThatWereForgottenAreSentAgain() throws Exception {
    String key = newKey();
    store.create(key, record("a", sealed(1)), 60_000, "ann");
    try (RawRedis raw = redis.raw()) {
      raw.ask("SCRIPT", "FLUSH");
      assertEquals(OptionalLong.of(2), store.commit(key, set(".b", sealed(2)), 60_000, new CommitOptions("ann", null)));
      raw.ask("SCRIPT", "FLUSH");
      store.touch(key, 60_000, "ann").join();
      raw.ask("SCRIPT", "FLUSH");
      assertEquals(1, store.destroyAllOf("ann", null));
    }
  }

  @Test
  void aServerThatIsLoadingIsAway() throws Exception {
    String key = newKey();
    store.create(key, record("a", sealed(1)), 60_000, null);
    try (RawRedis raw = redis.raw()) {
      raw.ask("DEBUG", "POPULATE", "100000", "filler", "100");
      raw.ask("CONFIG", "SET", "key-load-delay", "50");
      raw.ask("CONFIG", "SET", "loading-process-events-interval-bytes", "1024");
    } catch (RuntimeException notAllowed) {
      org.junit.jupiter.api.Assumptions.abort("this server cannot be made to load slowly: " + notAllowed.getMessage());
    }
    Thread loading = new Thread(() -> {
      try (RawRedis raw = redis.raw()) {
        raw.ask("DEBUG", "RELOAD");
      } catch (Exception closed) {
        // The end of the test.
      }
    });
    loading.setDaemon(true);
    loading.start();
    Thread.sleep(500);
    SessionStoreException away = assertThrows(SessionStoreException.class, () -> store.load(key));
    assertNotNull(away.getMessage());
    try (RawRedis raw = redis.raw()) {
      raw.ask("CONFIG", "SET", "key-load-delay", "0");
    } catch (RuntimeException stillLoading) {
      org.junit.jupiter.api.Assumptions.abort("cannot hurry: " + stillLoading.getMessage());
    }
    backWithin(10_000, key);
  }

  @Test
  void anApplicationMayStartBeforeItsRedis() throws Exception {
    redis.kill();
    try (SessionStore early = RedisStore.open(redis.url(), "test", Timeouts.DEFAULT)) {
      assertThrows(SessionStoreException.class, () -> early.load(newKey()));
      redis.startAgain();
      long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1_000 + SLACK_MS);
      while (true) {
        try {
          assertNull(early.load(newKey()));
          return;
        } catch (SessionStoreException away) {
          if (System.nanoTime() > untilNs) throw away;
        }
      }
    }
  }

  @Test
  void aWrongPasswordSaysWhyAndIsNeverShown() throws Exception {
    try (RawRedis raw = redis.raw()) {
      raw.ask("CONFIG", "SET", "requirepass", "right");
    }
    String wrong = redis.url().replace("://", "://:s3cretword@");
    try (SessionStore other = RedisStore.open(wrong, "test", Timeouts.DEFAULT)) {
      SessionStoreException error = assertThrows(SessionStoreException.class, () -> other.load(newKey()));
      assertTrue(error.getMessage().contains("WRONGPASS"), error.getMessage());
      assertFalse(error.getMessage().contains("s3cretword"));
    }
    String right = redis.url().replace("://", "://:right@");
    try (SessionStore other = RedisStore.open(right + "/3", "test", Timeouts.DEFAULT)) {
      assertTrue(other.create(newKey(), record(), 60_000, null));
    }
  }

  @Test
  void aUserWhoMayUseOneNamespaceOnlyDoesSo() throws Exception {
    try (RawRedis raw = redis.raw()) {
      raw.ask("ACL", "SETUSER", "shop", "on", ">p@ss word", "~mine:*", "+@all", "-@admin");
    }
    String url = redis.url().replace("://", "://shop:p%40ss%20word@");
    try (SessionStore mine = RedisStore.open(url, "mine", Timeouts.DEFAULT);
        SessionStore others = RedisStore.open(url, "others", Timeouts.DEFAULT)) {
      String key = newKey();
      assertTrue(mine.create(key, record("a", sealed(1)), 60_000, "ann"));
      assertEquals(OptionalLong.of(2), mine.commit(key, set(".b", sealed(2)), 60_000));
      SessionStoreException refused = assertThrows(SessionStoreException.class, () -> others.load(key));
      assertTrue(refused.getMessage().contains("NOPERM"), refused.getMessage());
    }
  }

  @Test
  void closedItRefusesEverythingAtOnce() {
    store.close();
    assertAway(() -> store.load(newKey()), 50);
    assertFalse(store.health().isUp());
  }

  private void backWithin(long ms, String key) throws InterruptedException {
    long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
    while (true) {
      try {
        assertNotNull(store.load(key));
        return;
      } catch (SessionStoreException away) {
        if (System.nanoTime() > untilNs) throw away;
        Thread.sleep(10);
      }
    }
  }

  private static void assertAway(org.junit.jupiter.api.function.Executable call, long withinMs) {
    long beganNs = System.nanoTime();
    SessionStoreException away = assertThrows(SessionStoreException.class, call);
    long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
    assertEquals(503, away.status());
    assertTrue(tookMs <= withinMs, "took " + tookMs + " ms");
  }
}
