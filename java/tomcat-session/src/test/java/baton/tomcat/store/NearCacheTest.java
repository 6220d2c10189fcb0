package baton.tomcat.store;

import static baton.tomcat.store.CachingNode.PATIENT;
import static baton.tomcat.store.CachingNode.orAgain;
import static baton.tomcat.store.CachingNode.until;
import static baton.tomcat.store.CachingNode.valueIn;
import static baton.tomcat.store.CachingNode.versionIn;
import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.plain;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.rotation;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.Envelope;
import baton.tomcat.format.SessionException;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Each of the traps of client-side caching, with two nodes. */
class NearCacheTest {
  private static RedisProcess redis;
  private CachingNode here;
  private CachingNode there;

  @BeforeAll
  static void start() throws Exception {
    redis = RedisProcess.start();
  }

  @AfterAll
  static void stop() throws Exception {
    redis.close();
  }

  @BeforeEach
  void open() throws Exception {
    here = new CachingNode(redis);
    there = new CachingNode(redis);
  }

  @AfterEach
  void close() throws Exception {
    here.close();
    there.close();
  }

  @Test
  void costsNoRoundTripToReadWhatWasReadOrCommittedHereAndOneMoreForEachWrite() throws Exception {
    String key = here.newSession();
    // Redis knows the script from here on.
    here.store.update(newKey(), ".a", "", null, 60_000);
    here.proxy.trips();
    assertEquals(1, here.value(key, "a"));
    assertEquals(1, here.proxy.trips());
    here.value(key, "a");
    here.value(key, "a");
    assertEquals(0, here.proxy.trips());
    here.store.commit(key, set(".a", sealed(2)), 60_000);
    assertEquals(1, here.proxy.trips());
    assertEquals(2, here.value(key, "a"));
    here.store.commit(key, new Change(Map.of(), Set.of(".a")), 60_000);
    assertEquals(1, here.proxy.trips());
    assertNull(here.value(key, "a"));
    here.store.update(key, ".a", "", sealed(3), 60_000);
    assertEquals(1, here.proxy.trips());
    assertEquals(3, here.value(key, "a"));
    assertEquals(0, here.proxy.trips());
    assertEquals(4, versionIn(here.store.load(key)));
    assertEquals(plain(there.store.load(key).fields()), plain(here.peek(key).fields()));
  }

  @Test
  void whatAnotherNodeWritesIsPushed() throws Exception {
    String key = here.newSession();
    here.store.load(key);
    there.store.commit(key, set(".a", sealed(2)), 60_000);
    here.gone(key);
    assertEquals(2, here.value(key, "a"));
  }

  @Test
  void afterOwnWritesOfWhichRedisSaysNothingOthersAreStillHeard() throws Exception {
    List<Consumer<String>> writes =
        List.of(
            key -> here.store.commit(key, set(".b", sealed(1)), 60_000),
            key -> {
              String etag = Envelope.etag(here.store.load(key).fields().get(".a"));
              here.store.update(key, ".a", etag, sealed(1), 60_000);
            },
            key -> here.store.touch(key, 70_000, null).join(),
            key -> {
              here.store.lock(key, "me", 5_000);
              here.store.load(key);
              here.store.commit(key, set(".b", sealed(1)), 60_000, new CommitOptions(null, "me"));
            });
    for (Consumer<String> write : writes) {
      String key = here.newSession();
      here.store.load(key);
      write.accept(key);
      here.store.load(key);
      assertNotNull(here.peek(key));
      there.store.commit(key, set(".a", sealed("theirs")), 60_000);
      here.gone(key);
      assertEquals("theirs", here.value(key, "a"));
    }
  }

  @Test
  void anOwnCommitDoesNotThrowAwayWhatItHasJustRenewed() throws Exception {
    String key = here.newSession();
    here.store.load(key);
    long misses = here.store.stats().misses();
    for (int at = 0; at < 50; at += 1) here.store.commit(key, set(".a", sealed(at)), 60_000);
    // A later answer: any push has certainly arrived.
    here.store.load(newKey());
    assertEquals(0, here.store.stats().invalidated());
    assertEquals(49, valueIn(here.peek(key), "a"));
    assertEquals(misses + 1, here.store.stats().misses());
  }

  @Test
  void aCommitIsCarriedOverFromTheVersionRightBeforeOnly() throws Exception {
    String key = here.newSession();
    here.proxy.onInvalidation(() -> RespProxy.DROP);
    here.store.load(key);
    there.store.commit(key, set(".theirs", sealed(1)), 60_000);
    here.store.commit(key, set(".a", sealed(2)), 60_000);
    Stored read = here.store.load(key);
    assertEquals(plain(there.store.load(key, Wanted.FRESH).fields()), plain(read.fields()));
    assertTrue(read.fields().containsKey(".theirs"));
  }

  @Test
  void aTouchAnywhereEndsTheEntrySoThatItsEndIsKnownAgain() throws Exception {
    String key = here.newSession();
    here.store.load(key);
    there.store.touch(key, 120_000, null).join();
    here.gone(key);
    assertTrue(here.store.load(key).ttlMs() > 110_000);
    here.store.touch(key, 240_000, null).join();
    assertTrue(here.store.load(key).ttlMs() > 230_000);
  }

  @Test
  void whatWasOvertakenByAWriteOnItsWayHereIsUsedAndNotKept() throws Exception {
    String key = here.newSession();
    here.proxy.hold();
    CompletableFuture<Stored> loading = CompletableFuture.supplyAsync(() -> here.store.load(key));
    until(() -> here.proxy.held() >= 2);
    there.store.commit(key, set(".a", sealed(2)), 60_000);
    until(() -> here.proxy.invalidations() == 1);
    // Answer and invalidation in one piece, as a busy process reads them.
    here.proxy.release();
    assertEquals(1, valueIn(loading.join(), "a"));
    here.gone(key);
    assertEquals(2, here.value(key, "a"));
  }

  @Test
  void aLoadThatAnOwnWriteOvertakesIsNotKeptEither() throws Exception {
    List<BiConsumer<SessionStore, String>> writes =
        List.of(
            (store, key) -> store.commit(key, set(".a", sealed(2)), 60_000),
            (store, key) -> store.touch(key, 70_000, null).join(),
            (store, key) -> store.destroy(key, null));
    for (BiConsumer<SessionStore, String> write : writes) {
      CountDownLatch isAnswered = new CountDownLatch(1);
      CountDownLatch isWritten = new CountDownLatch(1);
      SessionStore slow = new SlowStore(here.store, isAnswered, isWritten);
      NearCache cache = new NearCache(slow, new Tracking(), "near:s:", CachingNode.LONG);
      String key = here.newSession();
      CompletableFuture<Stored> loading = CompletableFuture.supplyAsync(() -> cache.load(key, Wanted.FRESH));
      isAnswered.await();
      // The load has its answer, which is on its way up.
      write.accept(cache, key);
      isWritten.countDown();
      assertEquals(1, valueIn(loading.join(), "a"));
      assertEquals(0, cache.stats().entries());
    }
  }

  @Test
  void destroyRotateAndLogOutEverywhereEndTheEntryHereAsWellAsThere() throws Exception {
    String destroyed = here.newSession();
    String from = here.newSession();
    String to = newKey();
    String killed = newKey();
    here.store.create(killed, record("a", sealed(1)), 60_000, "owner");
    List<String> all = List.of(destroyed, from, killed);
    for (CachingNode node : List.of(here, there)) for (String key : all) node.store.load(key);
    here.store.destroy(destroyed, null);
    assertNull(here.peek(destroyed));
    // Too late, and it leaves a version beside the tombstone.
    assertEquals(OptionalLong.empty(), here.store.commit(destroyed, set(".a", sealed(2)), 60_000));
    here.store.rotate(rotation(from, to, null), 60_000);
    assertNull(here.peek(from));
    here.store.destroyAllOf("owner", null);
    assertNull(here.peek(killed));
    for (String key : all) {
      there.gone(key);
      for (CachingNode node : List.of(here, there)) {
        assertTrue(node.store.load(key).fields().containsKey("@x"));
        assertNull(node.peek(key), "a tombstone is not kept");
      }
    }
    assertEquals(1, there.value(to, "a"));
  }

  @Test
  void freshAsksTheStore() throws Exception {
    String key = here.newSession();
    here.store.load(key);
    here.proxy.onInvalidation(() -> RespProxy.DROP);
    there.store.commit(key, set(".a", sealed(2)), 60_000);
    assertEquals(1, here.value(key, "a"));
    assertEquals(2, valueIn(here.store.load(key, Wanted.NORMAL.atLeast(2)), "a"));
    there.store.commit(key, set(".a", sealed(3)), 60_000);
    assertEquals(3, valueIn(here.store.load(key, Wanted.FRESH), "a"));
  }

  @Test
  void flushAllEndsAllEntries() throws Exception {
    List<String> keys = List.of(here.newSession(), here.newSession());
    for (String key : keys) here.store.load(key);
    try (RawRedis raw = redis.raw()) {
      raw.ask("FLUSHALL");
    }
    for (String key : keys) here.gone(key);
    assertNull(here.store.load(keys.get(0)));
  }

  @Test
  void aLostConnectionEndsAllEntriesAndTheNextOneIsTrackedAsWell() throws Exception {
    String key = here.newSession();
    here.store.load(key);
    here.proxy.disconnect();
    here.gone(key);
    there.store.commit(key, set(".a", sealed(2)), 60_000);
    assertEquals(2, orAgain(() -> here.value(key, "a")));
    assertNotNull(here.peek(key));
    there.store.commit(key, set(".a", sealed(3)), 60_000);
    here.gone(key);
    assertEquals(3, here.value(key, "a"));
  }

  @Test
  void nothingIsCarriedOverToAServerThatTookOver() throws Exception {
    try (RedisProcess heir = RedisProcess.start();
        CachingNode later = new CachingNode(heir)) {
      String key = here.newSession();
      here.store.commit(key, set(".lost", sealed(1)), 60_000);
      here.store.load(key);
      // The heir has lost that commit, and gives its version to another.
      later.store.create(key, record("a", sealed(1)), 60_000, null);
      later.store.commit(key, set(".a", sealed(2)), 60_000);
      here.proxy.retarget(heir.port());
      here.proxy.disconnect();
      here.gone(key);
      orAgain(() -> here.store.commit(key, set(".b", sealed(3)), 60_000));
      assertEquals(plain(later.store.load(key, Wanted.FRESH).fields()), plain(here.store.load(key).fields()));
    }
  }

  @Test
  void whoHasNotWrittenMaySeeWhatIsOlderByTheMaximumAgeAtMost() throws Exception {
    try (CachingNode node = new CachingNode(redis, new NearCacheLimits(150, 10, 100_000), PATIENT)) {
      String key = node.newSession();
      node.proxy.onInvalidation(() -> RespProxy.DROP);
      long readAtNs = System.nanoTime();
      node.store.load(key);
      there.store.commit(key, set(".a", sealed(2)), 60_000);
      until(() -> node.value(key, "a").equals(2));
      long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - readAtNs);
      assertTrue(tookMs >= 149 && tookMs < 1_500, "after " + tookMs + " ms");
    }
  }

  @Test
  void servesNothingOnceTheConnectionHasBeenSilentForTooLongThoughItStillStands() throws Exception {
    String key = here.newSession();
    here.store.load(key);
    Thread.sleep(1_200);
    assertNotNull(here.peek(key), "an idle connection is not a silent one: its PINGs are answered");
    here.proxy.silence();
    there.store.commit(key, set(".a", sealed(2)), 60_000);
    long silentAtNs = System.nanoTime();
    here.gone(key);
    long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - silentAtNs);
    assertTrue(tookMs < 1_500, "after " + tookMs + " ms");
  }

  @Test
  void servesNoSessionBeyondItsEnd() throws Exception {
    String key = newKey();
    here.store.create(key, record("a", sealed(1)), 150, null);
    here.store.load(key);
    here.gone(key);
    until(() -> here.store.load(key) == null);
  }

  @Test
  void hasBounds() throws Exception {
    try (CachingNode few = new CachingNode(redis, new NearCacheLimits(600_000, 2, 1 << 20), PATIENT)) {
      String a = few.newSession();
      String b = few.newSession();
      String c = few.newSession();
      for (String key : List.of(a, b, a, c)) few.store.load(key);
      assertNotNull(few.peek(a));
      assertNull(few.peek(b));
      assertNotNull(few.peek(c));
      assertEquals(2, few.store.stats().entries());
      assertEquals(1, few.store.stats().evicted());
      few.store.load(b);
      assertNotNull(few.peek(b), "whoever comes has a place, though all others are in use");
      assertEquals(2, few.store.stats().entries());
    }
    try (CachingNode small = new CachingNode(redis, new NearCacheLimits(600_000, 100, 10_000), PATIENT)) {
      String huge = newKey();
      small.store.create(huge, record("a", sealed("x".repeat(10_000))), 60_000, null);
      List<String> big = List.of(newKey(), newKey());
      for (String key : big) small.store.create(key, record("a", sealed("x".repeat(5_000))), 60_000, null);
      small.store.load(huge);
      for (String key : big) small.store.load(key);
      assertNull(small.peek(huge));
      assertNull(small.peek(big.get(0)));
      assertNotNull(small.peek(big.get(1)));
      assertTrue(small.store.stats().bytes() < 10_000);
    }
    assertThrows(SessionException.class, () -> new NearCacheLimits(0, 1, 1));
  }

  @Test
  void staleOkServesWhatIsOldOnlyWhileTheStoreIsAway() throws Exception {
    try (CachingNode node = new CachingNode(redis, new NearCacheLimits(20, 100, 1 << 20), new Timeouts(500, 200, 500))) {
      String key = node.newSession();
      String ended = node.newSession();
      orAgain(() -> node.store.load(key));
      orAgain(() -> node.store.load(ended));
      orAgain(() -> node.store.destroy(ended, null));
      Thread.sleep(30);
      Wanted staleOk = Wanted.NORMAL.staleOk();
      redis.freeze();
      try {
        assertThrows(SessionStoreException.class, () -> node.store.load(key));
        assertEquals(1, valueIn(node.store.load(key, staleOk), "a"));
        assertThrows(SessionStoreException.class, () -> node.store.load(key, staleOk.atLeast(2)));
        assertThrows(SessionStoreException.class, () -> node.store.load(ended, staleOk));
        node.proxy.disconnect();
        assertEquals(1, valueIn(node.store.load(key, staleOk), "a"));
      } finally {
        redis.thaw();
      }
    }
  }

  @Test
  void redisTracksConnectionsOnlyWhereThereIsANearCache() throws Exception {
    try (RedisProcess other = RedisProcess.start();
        RawRedis raw = other.raw();
        SessionStore plain = RedisStore.open(other.url(), "near", PATIENT)) {
      plain.load(newKey());
      assertFalse(raw.askText("CLIENT", "LIST").matches("(?s).* flags=\\S*t.*"));
      try (CachingNode node = new CachingNode(other)) {
        node.store.load(newKey());
        assertTrue(raw.askText("CLIENT", "LIST").matches("(?s).* flags=\\S*t.*"));
      }
    }
  }
}
