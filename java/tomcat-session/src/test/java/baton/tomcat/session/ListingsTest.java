package baton.tomcat.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.EncryptionKeys;
import baton.tomcat.format.EncryptionKeys.Plaintext;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord.Life;
import baton.tomcat.store.NearCacheLimits;
import baton.tomcat.store.RawRedis;
import baton.tomcat.store.RedisProcess;
import baton.tomcat.store.RespProxy;
import baton.tomcat.store.Timeouts;
import baton.tomcat.store.Wanted;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What keeps a user's list of sessions right, and other options that nodes of both kinds share. */
class ListingsTest {
  private static final String KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

  private static RedisProcess redis;
  private static RawRedis raw;

  @BeforeAll
  static void start() throws Exception {
    redis = RedisProcess.start();
    raw = redis.raw();
  }

  @AfterAll
  static void stop() throws Exception {
    raw.close();
    redis.close();
  }

  @Test
  void areDueAfterAPartOfTheIntervalAndForWhatWasNeverTold() throws Exception {
    Listings listings = new Listings();
    assertTrue(listings.isDue("a", 1_000_000));
    listings.renewed("a");
    assertFalse(listings.isDue("a", 1_000_000));
    assertTrue(listings.isDue("b", 1_000_000));
    Thread.sleep(20);
    assertTrue(listings.isDue("a", 200));
    for (int at = 0; at < 15_000; at += 1) listings.renewed("k" + at);
    assertFalse(listings.isDue("a", 1_000_000));
    for (int at = 0; at < 15_000; at += 1) listings.renewed("l" + at);
    assertTrue(listings.isDue("a", 1_000_000));
  }

  @Test
  void aSessionThatIsWrittenAllTheTimeStaysOnItsOwnersList() throws Exception {
    try (Sessions sessions = Sessions.open(options().maxInactiveMs(2_000))) {
      SessionRecord record = sessions.make(sessions.newId());
      record.login(ann(), sessions.newId());
      double first = scoreOf(record.key());
      // Written so often that no touch is ever due.
      until(
          () -> {
            record.set("n", System.nanoTime());
            record.commit();
            return scoreOf(record.key()) > first + 1_000;
          });
      // What update writes tells no list, but the commit after it does.
      double second = scoreOf(record.key());
      until(
          () -> {
            record.update("u", before -> before == null ? 1 : (Integer) before + 1);
            record.commit();
            return scoreOf(record.key()) > second + 500;
          });
      assertEquals(1, sessions.destroyAllOf("ann", null));
    }
  }

  @Test
  void aLongerIntervalIsToldAtOnce() throws Exception {
    try (Sessions sessions = Sessions.open(options().maxInactiveMs(60_000))) {
      SessionRecord record = sessions.make(sessions.newId());
      record.login(ann(), sessions.newId());
      double before = scoreOf(record.key());
      record.setMaxInactiveMs(6_000_000);
      record.commit();
      assertTrue(scoreOf(record.key()) > before + 5_000_000);
      sessions.destroyAllOf("ann", null);
    }
  }

  @Test
  void logoutLeavesTheSessionAndTakesTheUser() throws Exception {
    try (Sessions sessions = Sessions.open(options())) {
      SessionRecord record = sessions.make(sessions.newId());
      record.set("cart", "full");
      record.login(ann(), sessions.newId());
      String id = record.id();
      record.set("late", 1);
      record.logout();
      assertEquals(Life.ALIVE, record.life());
      assertTrue(record.principal().isEmpty());
      assertEquals(2, record.version());
      SessionRecord read = sessions.load(id, Wanted.NORMAL);
      assertTrue(read.principal().isEmpty());
      assertEquals("full", read.get("cart"));
      assertEquals(1, read.get("late"));
      assertEquals(0L, raw.ask("HEXISTS", "app:s:" + record.key(), "@e"));
      until(() -> scoreOf(record.key()) == 0);
      assertEquals(0, sessions.destroyAllOf("ann", record));
      // Somebody who is not logged in: as commit.
      read.set("late", 2);
      read.logout();
      assertEquals(2, sessions.load(id, Wanted.NORMAL).get("late"));
      read.destroy();
      record.logout();
      record.refresh(Wanted.NORMAL);
      assertEquals(Life.DEAD, record.life());
    }
  }

  @Test
  void encryptionBeginsWithNodesThatOnlyReadIt() {
    Map<String, String> keys = Map.of("2026", KEY);
    try (Sessions without = Sessions.open(options());
        Sessions writing = Sessions.open(options().encryption(EncryptionKeys.of(keys, Plaintext.of("write"))));
        Sessions reading = Sessions.open(options().encryption(EncryptionKeys.of(keys, Plaintext.READ)));
        Sessions refusing = Sessions.open(options().encryption(EncryptionKeys.of(keys, Plaintext.REFUSE)))) {
      SessionRecord first = writing.make(writing.newId());
      first.set("a", "plain");
      first.commit();
      assertEquals("plain", without.load(first.id(), Wanted.NORMAL).get("a"));
      SessionRecord second = reading.load(first.id(), Wanted.NORMAL);
      second.set("b", "sealed");
      second.commit();
      SessionRecord seen = writing.load(first.id(), Wanted.NORMAL);
      assertEquals("plain sealed", seen.get("a") + " " + seen.get("b"));
      // Encrypted values are bound to the id: a new one opens them.
      seen.renewId(writing.newId());
      assertEquals("sealed", without.load(seen.id(), Wanted.NORMAL).get("b"));
      assertNotNull(refusing.load(seen.id(), Wanted.NORMAL));
      assertThrows(
          RuntimeException.class, () -> refusing.load(seen.id(), Wanted.NORMAL).get("a"));
      assertThrows(RuntimeException.class, () -> Plaintext.of("refused"));
    }
  }

  @Test
  void theEnvironmentSaysWhereSessionsAre() {
    SessionOptions set =
        new SessionOptions(Map.of("BATON_SESSION_STORE", "redis://other:1", "BATON_SESSION_NAMESPACE", "shop"));
    assertEquals("redis://other:1 shop", set.url + " " + set.namespace());
    SessionOptions unset = new SessionOptions(Map.of("BATON_SESSION_NAMESPACE", ""));
    assertEquals("redis://localhost:6379 app", unset.url + " " + unset.namespace());
  }

  @Test
  void consumesWhatSomebodyElseHasPutThereSinceTheSessionWasCached() throws Exception {
    try (RespProxy proxy = new RespProxy(redis.port());
        Sessions near = Sessions.open(options().url(proxy.url()).nearCache(NearCacheLimits.DEFAULT));
        Sessions other = Sessions.open(options())) {
      proxy.onInvalidation(() -> RespProxy.DROP);
      SessionRecord begun = other.make(other.newId());
      begun.set("a", 1);
      begun.commit();
      near.load(begun.id(), Wanted.NORMAL);
      begun.set("token", "once");
      begun.commit();
      SessionRecord cached = near.load(begun.id(), Wanted.NORMAL);
      assertNull(cached.get("token"));
      assertEquals("once", cached.consume("token"));
      assertNull(near.load(begun.id(), Wanted.NORMAL).consume("token"));
      assertTrue(near.nearCache().get().hits() > 0);
    }
  }

  @Test
  void aSessionThatThisJvmKnowsNeverGoesBackToWhatACacheHas() throws Exception {
    try (RespProxy proxy = new RespProxy(redis.port());
        Sessions near = Sessions.open(options().url(proxy.url()).nearCache(NearCacheLimits.DEFAULT));
        Sessions other = Sessions.open(options())) {
      SessionRecord begun = other.make(other.newId());
      begun.set("a", 1);
      begun.commit();
      SessionRecord shared = near.load(begun.id(), Wanted.NORMAL);
      proxy.onInvalidation(() -> RespProxy.DROP);
      begun.set("a", 2);
      begun.commit();
      assertTrue(shared.refresh(Wanted.NORMAL.atLeast(2)));
      assertEquals(2, shared.get("a"));
      assertTrue(shared.refresh(Wanted.NORMAL));
      assertEquals(2, shared.get("a"));
    }
  }

  private static SessionOptions options() {
    return new SessionOptions(Map.of()).url(redis.url()).timeouts(new Timeouts(15_000, 15_000, 15_000));
  }

  private static StoredPrincipal ann() {
    return new StoredPrincipal("ann", List.of("buyer"), null);
  }

  /** When the list expects the session to end; 0: it is not listed. */
  private static double scoreOf(String key) {
    for (String list : OperationPlayer.texts(raw.askList("KEYS", "app:u:*"))) {
      String score = raw.askText("ZSCORE", list, key);
      if (!score.equals("null")) return Double.parseDouble(score);
    }
    return 0;
  }

  private static void until(Callable<Boolean> isSo) throws Exception {
    long untilNs = System.nanoTime() + 15_000_000_000L;
    while (!isSo.call()) {
      if (System.nanoTime() > untilNs) throw new AssertionError("it did not come to be within 15 s");
      Thread.sleep(5);
    }
  }
}
