package baton.tomcat.store;

import static baton.tomcat.store.CachingNode.PATIENT;
import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.record;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A sentinel and its master, each of which wants a password of its own. */
class SentinelLoginTest {
  private static RedisProcess master;
  private static Path file;
  private static Process sentinel;
  private static int port;

  @BeforeAll
  static void start() throws Exception {
    master = RedisProcess.start();
    try (RawRedis raw = master.raw()) {
      raw.ask("CONFIG", "SET", "requirepass", "of the master");
    }
    port = RedisProcess.freePort();
    file = Files.createTempFile("baton-tomcat-sentinel-", ".conf");
    Files.write(
        file,
        List.of(
            "port " + port,
            "bind 127.0.0.1",
            "requirepass \"of the sentinel\"",
            "sentinel monitor shop 127.0.0.1 " + master.port() + " 1",
            "sentinel auth-pass shop \"of the master\""));
    sentinel =
        new ProcessBuilder("redis-server", file.toString(), "--sentinel")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    CachingNode.until(SentinelLoginTest::listens);
  }

  @AfterAll
  static void stop() throws IOException {
    if (sentinel != null) sentinel.destroyForcibly().onExit().join();
    if (file != null) Files.deleteIfExists(file);
    if (master != null) master.close();
  }

  private static boolean listens() {
    try (RawRedis raw = new RawRedis(port)) {
      return true;
    } catch (IOException notYet) {
      return false;
    }
  }

  private static String url(String masters, String sentinels) {
    return "redis+sentinel://:" + masters + "@127.0.0.1:" + port + "/shop?sentinelPassword=" + sentinels;
  }

  @Test
  void eachIsToldItsOwn() {
    try (SessionStore store = RedisStore.open(url("of%20the%20master", "of%20the%20sentinel"), "test", PATIENT)) {
      assertTrue(store.create(newKey(), record(), 60_000, "ann"));
    }
  }

  @Test
  void whichOfThemRefusesIsSaidAndNoPasswordShown() throws Exception {
    assertRefused(url("of%20the%20master", "s3cretword"), "no sentinel names the master: WRONGPASS");
    assertRefused(url("s3cretword", "of%20the%20sentinel"), ": WRONGPASS");
  }

  private static void assertRefused(String url, String reason) throws Exception {
    String[] message = {""};
    try (SessionStore store = RedisStore.open(url, "test", Timeouts.DEFAULT)) {
      CachingNode.until(
          () -> {
            message[0] = assertThrows(SessionStoreException.class, () -> store.load(newKey())).getMessage();
            assertFalse(message[0].contains("s3cretword"), message[0]);
            return message[0].contains(reason);
          });
    } catch (AssertionError otherwise) {
      throw new AssertionError(message[0], otherwise);
    }
  }
}
