package baton.tomcat.store;

import static baton.tomcat.store.CachingNode.orAgain;
import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Real sentinels, and a master that freezes. */
class SentinelTest {
  /** What a busy machine adds. */
  private static final long SLACK_MS = 1_500;

  private static RedisSentinelProcesses redis;

  @BeforeAll
  static void start() throws Exception {
    redis = new RedisSentinelProcesses();
  }

  @AfterAll
  static void stop() throws Exception {
    redis.close();
  }

  @Test
  void saysWhichMasterTheSentinelsDoNotKnow() throws Exception {
    try (SessionStore store = RedisStore.open(redis.url().replace("/shop", "/other"), "test", Timeouts.DEFAULT)) {
      CachingNode.until(
          () -> {
            SessionStoreException away = assertThrows(SessionStoreException.class, () -> store.load(newKey()));
            return away.getMessage().contains("the sentinels know no master other");
          });
    }
  }

  @Test
  void aFailoverLosesNothingHangsNobodyAndIsOverSoonAfterTheSentinelsHaveAgreed() throws Exception {
    try (SessionStore store = RedisStore.open(redis.url(), "test", Timeouts.DEFAULT);
        NearCache near = NearCache.open(redis.url(), "test", Timeouts.DEFAULT, NearCacheLimits.DEFAULT)) {
      String key = newKey();
      assertTrue(orAgain(() -> store.create(key, record("a", sealed(1)), 60_000, "ann")));
      orAgain(() -> near.load(key));
      try (RawRedis raw = redis.first.raw()) {
        raw.ask("WAIT", 1, 1_000);
      }
      // Frozen, so that every connection to it stays: the hardest way for a master to go.
      redis.first.freeze();
      long namedAtNs = 0;
      long slowestMs = 0;
      boolean isWritten = false;
      while (!isWritten) {
        long beganNs = System.nanoTime();
        try {
          assertTrue(store.commit(key, set(".b", sealed(2)), 60_000).isPresent(), "gone, which it is not");
          isWritten = true;
        } catch (SessionStoreException away) {
          Thread.sleep(20);
        }
        slowestMs = Math.max(slowestMs, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs));
        if (namedAtNs == 0 && redis.haveNamed(redis.second)) namedAtNs = System.nanoTime();
      }
      long backMs = namedAtNs == 0 ? 0 : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - namedAtNs);
      assertTrue(backMs < 1_000 + SLACK_MS, "back after " + backMs + " ms");
      assertTrue(slowestMs < 500 + SLACK_MS, "took " + slowestMs + " ms");
      assertTrue(store.load(key).fields().containsKey(".a"));
      assertTrue(orAgain(() -> near.load(key, Wanted.NORMAL.atLeast(2))).fields().containsKey(".b"));

      // The old master comes back, as a replica of the new one: nobody writes to it.
      redis.first.thaw();
      Thread.sleep(1_200);
      assertEquals(3, orAgain(() -> near.commit(key, set(".c", sealed(3)), 60_000)).getAsLong());
      assertFalse(near.load(key).fields().isEmpty());
    }
  }
}
