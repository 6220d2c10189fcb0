package baton.tomcat.store;

import static baton.tomcat.store.CachingNode.PATIENT;
import static baton.tomcat.store.CachingNode.orAgain;
import static baton.tomcat.store.CachingNode.until;
import static baton.tomcat.store.CachingNode.valueIn;
import static baton.tomcat.store.CachingNode.versionIn;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Who has written through one node reads no less on the other, whatever becomes of invalidations. */
class NearCacheFaultsTest {
  /** Writes of each fault, each followed by reads on both nodes. */
  private static final int TRIALS = Integer.parseInt(System.getenv().getOrDefault("BATON_NEAR_CACHE_TRIALS", "400"));
  private static final int CLIENTS = 20;
  private static final int MAX_AGE_MS = 400;
  /** Between the check of an entry's age and the clock of this test, on a busy machine. */
  private static final int SLACK_MS = 50;

  private static RedisProcess redis;
  private static ExecutorService threads;

  @BeforeAll
  static void start() throws Exception {
    redis = RedisProcess.start();
    threads = Executors.newFixedThreadPool(CLIENTS);
  }

  @AfterAll
  static void stop() throws Exception {
    threads.shutdownNow();
    redis.close();
  }

  @TestFactory
  Stream<DynamicTest> whileInvalidations() {
    return Stream.of(
        fault("pass", () -> RespProxy.PASS, false),
        fault("are delayed by up to 2 s", () -> new long[] {random(2_000)}, true),
        fault("are dropped", () -> RespProxy.DROP, true),
        fault("come twice", () -> new long[] {0, random(50)}, false),
        fault("overtake each other", () -> new long[] {random(20)}, true),
        fault(
            "find the connection lost",
            () -> random(100) <= 5 ? RespProxy.DISCONNECT : RespProxy.PASS,
            false));
  }

  /** {@code isNoticed}: by who has not written. */
  private static DynamicTest fault(String name, Supplier<long[]> fate, boolean isNoticed) {
    return DynamicTest.dynamicTest(
        name,
        () -> {
          NearCacheLimits limits = new NearCacheLimits(MAX_AGE_MS, 10_000, 64 << 20);
          try (CachingNode a = new CachingNode(redis, limits, PATIENT);
              CachingNode b = new CachingNode(redis, limits, PATIENT)) {
            for (CachingNode node : List.of(a, b)) node.proxy.onInvalidation(fate);
            Seen seen = new Seen();
            List<CompletableFuture<?>> clients = new ArrayList<>();
            for (int at = 0; at < CLIENTS; at += 1) {
              clients.add(CompletableFuture.runAsync(() -> client(a, b, seen), threads));
            }
            CompletableFuture.allOf(clients.toArray(new CompletableFuture<?>[0])).join();
            assertEquals(0, seen.staleForTheWriter.get(), "stale for the writer");
            assertEquals(0, seen.mixedUp.get(), "mixed up");
            assertEquals(0, seen.olderThanAllowed.get(), "older than allowed");
            // The faults were felt, and the cache was in use.
            if (isNoticed) assertTrue(seen.staleForOthers.get() > 0, "nobody noticed");
            for (CachingNode node : List.of(a, b)) {
              assertTrue(node.store.stats().hits() > TRIALS / 4, node.store.stats().hits() + " hits");
            }
          }
        });
  }

  private static void client(CachingNode a, CachingNode b, Seen seen) {
    try {
      String key = a.newSession();
      int written = 1;
      long version = 1;
      /** When each value was replaced. */
      Map<Object, Long> replacedAtNs = new HashMap<>();
      for (int at = 0; at < TRIALS / CLIENTS; at += 1) {
        CachingNode here = random(2) == 1 ? a : b;
        CachingNode there = here == a ? b : a;
        int next = written + 1;
        try {
          version = here.store.commit(key, set(".a", sealed(next)), 60_000).getAsLong();
        } catch (SessionStoreException lost) {
          // Stored or not: as after any 503, the client has been promised nothing.
          Stored found = orAgain(() -> here.store.load(key, Wanted.FRESH));
          version = versionIn(found);
          if (!valueIn(found, "a").equals(next)) continue;
        }
        replacedAtNs.put(written, System.nanoTime());
        written = next;
        for (CachingNode node : List.of(there, here, there)) {
          long askedAtNs = System.nanoTime();
          Object theirs = valueIn(orAgain(() -> node.store.load(key)), "a");
          if (!theirs.equals(written)) seen.staleForOthers.incrementAndGet();
          long sinceNs = askedAtNs - replacedAtNs.getOrDefault(theirs, askedAtNs);
          if (sinceNs > TimeUnit.MILLISECONDS.toNanos(MAX_AGE_MS + SLACK_MS)) seen.olderThanAllowed.incrementAndGet();
          Wanted wanted = Wanted.NORMAL.atLeast(version);
          Stored mine = orAgain(() -> node.store.load(key, wanted));
          if (versionIn(mine) < version) seen.staleForTheWriter.incrementAndGet();
          if (!valueIn(mine, "a").equals(written)) seen.mixedUp.incrementAndGet();
        }
      }
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  @Test
  void whileRedisFailsOverToItsReplica() throws Exception {
    try (RedisProcess replica = RedisProcess.start();
        RawRedis raw = redis.raw();
        RawRedis heir = replica.raw();
        CachingNode a = new CachingNode(redis);
        CachingNode b = new CachingNode(redis)) {
      raw.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0");
      heir.ask("REPLICAOF", "127.0.0.1", redis.port());
      List<String> keys = new ArrayList<>();
      List<Long> versions = new ArrayList<>();
      for (int at = 0; at < 30; at += 1) {
        String key = a.newSession();
        for (CachingNode node : List.of(a, b)) node.store.load(key);
        keys.add(key);
        versions.add((at % 2 == 0 ? a : b).store.commit(key, set(".a", sealed(2)), 60_000).getAsLong());
      }
      String last = "near:s:" + keys.get(keys.size() - 1);
      until(() -> heir.askText("HGET", last, "@v").equals("2"));
      heir.ask("REPLICAOF", "NO", "ONE");
      for (CachingNode node : List.of(a, b)) {
        node.proxy.retarget(replica.port());
        node.proxy.disconnect();
      }
      for (int at = 0; at < keys.size(); at += 1) {
        String key = keys.get(at);
        CachingNode there = at % 2 == 0 ? b : a;
        CachingNode here = at % 2 == 0 ? a : b;
        Wanted wanted = Wanted.NORMAL.atLeast(versions.get(at));
        assertEquals(2, valueIn(orAgain(() -> there.store.load(key, wanted)), "a"));
        long next = orAgain(() -> here.store.commit(key, set(".a", sealed(3)), 60_000)).getAsLong();
        Wanted more = Wanted.NORMAL.atLeast(next);
        assertEquals(3, valueIn(orAgain(() -> there.store.load(key, more)), "a"));
      }
    }
  }

  private static int random(int most) {
    return 1 + ThreadLocalRandom.current().nextInt(most);
  }

  private static final class Seen {
    private final AtomicInteger staleForTheWriter = new AtomicInteger();
    private final AtomicInteger mixedUp = new AtomicInteger();
    private final AtomicInteger staleForOthers = new AtomicInteger();
    private final AtomicInteger olderThanAllowed = new AtomicInteger();
  }
}
