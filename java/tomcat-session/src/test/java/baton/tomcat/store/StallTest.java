package baton.tomcat.store;

import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.store.RedisServers.Kind;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** This JVM stands still, or some of its threads do, and Redis does not. Alone, since all other tests would stand still too. */
@Isolated
class StallTest {
  private static final List<RedisCommand> PING = List.of(RedisCommand.of(CommandType.PING));
  /** Longer than any budget. */
  private static final long STALL_MS = 700;

  private RedisProcess redis;

  @BeforeEach
  void start() throws Exception {
    redis = RedisProcess.start();
  }

  @AfterEach
  void stop() throws Exception {
    redis.close();
  }

  @Test
  void whatWasAnsweredWhileTheWholeJvmStoodStillIsAnswered() throws Exception {
    String key = newKey();
    AtomicBoolean isOver = new AtomicBoolean();
    ExecutorService pool = Executors.newFixedThreadPool(6);
    try (SessionStore store = RedisStore.open(redis.url(), "test", Timeouts.DEFAULT)) {
      store.create(key, record("a", sealed(1)), 60_000, null);
      List<Future<Long>> clients = new ArrayList<>();
      for (int at = 0; at < 6; at += 1) {
        boolean isWriter = at % 2 == 0;
        clients.add(
            pool.submit(
                () -> {
                  long calls = 0;
                  for (; !isOver.get(); calls += 1) {
                    if (isWriter) assertTrue(store.commit(key, set(".a", sealed(2)), 60_000).isPresent());
                    else assertFalse(store.load(key).fields().isEmpty());
                  }
                  return calls;
                }));
      }
      for (int at = 0; at < 3; at += 1) standStill(STALL_MS);
      isOver.set(true);
      for (Future<Long> client : clients) assertTrue(client.get() > 4);
    } finally {
      isOver.set(true);
      pool.shutdown();
    }
  }

  @Test
  void aBudgetIsOfRedisAndNotOfTheThreadsThatSpeakWithIt() {
    RedisConnector connector = new RedisConnector(RedisUrl.parse(redis.url()), Timeouts.DEFAULT);
    try (SingleServer server = new SingleServer(connector, RedisUrl.parse(redis.url()), Timeouts.DEFAULT, null)) {
      server.run(Kind.LOAD, "", PING, replies -> replies);
      for (int at = 0; at < 2; at += 1) {
        keepBusy(server, 400);
        long beganNs = System.nanoTime();
        assertEquals(1, server.<Integer>run(Kind.LOAD, "", PING, List::size));
        assertTrue(msSince(beganNs) > 250, "the thread was not held up");
      }
    }
  }

  @Test
  void whereRedisStandsStillAsWellACallStillEnds() throws Exception {
    RedisConnector connector = new RedisConnector(RedisUrl.parse(redis.url()), Timeouts.DEFAULT);
    try (SingleServer server = new SingleServer(connector, RedisUrl.parse(redis.url()), Timeouts.DEFAULT, null)) {
      server.run(Kind.LOAD, "", PING, replies -> replies);
      keepBusy(server, 5_000);
      redis.freeze();
      long beganNs = System.nanoTime();
      assertThrows(SessionStoreException.class, () -> server.run(Kind.LOAD, "", PING, replies -> replies));
      assertTrue(msSince(beganNs) < 2 * 250 + 400, "took " + msSince(beganNs) + " ms");
    } finally {
      redis.thaw();
    }
  }

  /** Stops this very process. */
  private static void standStill(long ms) throws Exception {
    String pid = Long.toString(ProcessHandle.current().pid());
    String script = "sleep 0.05; kill -STOP " + pid + "; sleep " + ms / 1000.0 + "; kill -CONT " + pid;
    assertEquals(0, new ProcessBuilder("sh", "-c", script).start().waitFor());
  }

  /** The thread that writes to the server and reads from it does something else. */
  private static void keepBusy(SingleServer server, long ms) {
    Thread test = Thread.currentThread();
    CountDownLatch isBusy = new CountDownLatch(1);
    while (isBusy.getCount() > 0) {
      CompletableFuture<Void> answered =
          server
              .link()
              .current()
              .send(PING)
              .thenRun(
                  () -> {
                    // Where the answer was there before we asked for it, this is not the thread that reads.
                    if (Thread.currentThread() == test) return;
                    isBusy.countDown();
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(ms));
                  });
      while (isBusy.getCount() > 0 && !answered.isDone()) Thread.onSpinWait();
    }
  }

  private static long msSince(long beganNs) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
  }
}
