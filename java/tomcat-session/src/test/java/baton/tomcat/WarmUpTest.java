package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.session.SessionOptions;
import baton.tomcat.session.Sessions;
import baton.tomcat.store.RawRedis;
import baton.tomcat.store.RedisProcess;
import baton.tomcat.store.Timeouts;
import baton.tomcat.store.Wanted;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WarmUpTest {
  /** One of so many is not held up by a machine that does other things. */
  private static final int TRIALS = 10;

  private final List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
  private RedisProcess redis;

  @BeforeEach
  void start() throws Exception {
    redis = RedisProcess.start();
  }

  @AfterEach
  void stop() throws Exception {
    redis.close();
    assertEquals(List.of(), errors);
  }

  private Sessions open(Timeouts timeouts) {
    return Sessions.open(
        new SessionOptions()
            .url(redis.url())
            .namespace("app")
            .timeouts(timeouts)
            .javaValues(new WebappValues(WarmUpTest.class.getClassLoader(), new DefaultFilter()))
            .onDropped(errors::add)
            .onError(errors::add));
  }

  private long warmUpMs() {
    long beganNs = System.nanoTime();
    try (Sessions sessions = open(Timeouts.DEFAULT)) {
      WarmUp.of(sessions);
    }
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
  }

  private static String text(Object bytes) {
    return new String((byte[]) bytes, StandardCharsets.UTF_8);
  }

  @Test
  void itDoesWhatRequestsDoAndLeavesNoSessionAndNoUser() throws Exception {
    try (Sessions sessions = open(new Timeouts(10_000, 10_000, 10_000))) {
      sessions.load(sessions.newId(), Wanted.NORMAL);
      WarmUp.of(sessions);
    }
    try (RawRedis raw = redis.raw()) {
      String commands = text(raw.ask("INFO", "commandstats"));
      for (String command : List.of("hgetall", "hset", "hdel", "pexpire", "evalsha", "zadd", "zrem")) {
        assertTrue(commands.contains("cmdstat_" + command + ":"), command);
      }
      String alive =
          "local alive = {} for _, key in ipairs(redis.call('KEYS', '*')) do "
              + "if redis.call('TYPE', key).ok ~= 'hash' or redis.call('HEXISTS', key, '@x') == 0 then alive[#alive + 1] = key end "
              + "end return table.concat(alive, ' ')";
      assertEquals("", text(raw.ask("EVAL", alive, "0")));
    }
  }

  /** As it is while this very JVM is. */
  @Test
  void aRedisThatOnlyTakesLongIsWaitedFor() throws Exception {
    boolean isWarm = false;
    for (int trial = 0; trial < TRIALS && !isWarm; trial += 1) {
      redis.freeze();
      CompletableFuture<Long> warmUp = CompletableFuture.supplyAsync(this::warmUpMs);
      // Longer than an attempt to connect may take.
      Thread.sleep(1_200);
      redis.thaw();
      warmUp.get();
      try (RawRedis raw = redis.raw()) {
        isWarm = text(raw.ask("INFO", "commandstats")).contains("cmdstat_hset:");
      }
    }
    assertTrue(isWarm);
  }

  @Test
  void withoutRedisANodeWaitsForHalfASecondOnly() throws Exception {
    redis.kill();
    long quickestMs = Long.MAX_VALUE;
    for (int trial = 0; trial < TRIALS && quickestMs >= 900; trial += 1) quickestMs = Math.min(quickestMs, warmUpMs());
    assertTrue(quickestMs < 900, "took " + quickestMs + " ms");
  }
}
