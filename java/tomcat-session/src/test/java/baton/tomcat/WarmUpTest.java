package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.session.SessionOptions;
import baton.tomcat.session.Sessions;
import baton.tomcat.store.RawRedis;
import baton.tomcat.store.RedisProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WarmUpTest {
  private final List<Throwable> errors = new ArrayList<>();
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

  private long warmUpMs() {
    long beganNs = System.nanoTime();
    SessionOptions options =
        new SessionOptions()
            .url(redis.url())
            .namespace("app")
            .javaValues(new WebappValues(WarmUpTest.class.getClassLoader(), new DefaultFilter()))
            .onDropped(errors::add)
            .onError(errors::add);
    try (Sessions sessions = Sessions.open(options)) {
      WarmUp.of(sessions);
    }
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
  }

  private static String text(Object bytes) {
    return new String((byte[]) bytes, StandardCharsets.UTF_8);
  }

  @Test
  void itDoesWhatRequestsDoAndLeavesNoSessionAndNoUser() throws Exception {
    assertTrue(warmUpMs() < 4_000);
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

  @Test
  void withoutRedisANodeWaitsForHalfASecondOnly() throws Exception {
    // Classes are loaded once.
    warmUpMs();
    redis.kill();
    long tookMs = warmUpMs();
    assertTrue(tookMs < 900, "took " + tookMs + " ms");
  }
}
