package baton.tomcat.store;

import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.plain;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.rotation;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static baton.tomcat.store.Records.state;
import static baton.tomcat.store.Records.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.RecordMeta.State;
import baton.tomcat.format.SessionException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every store must do for users: remember their sessions, and end them all. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OwnersTest {
  private static final int TRIALS = 20;

  private RedisProcess redis;
  private SessionStore here;
  private SessionStore there;

  /** Other for other ways to Redis. */
  String start() throws Exception {
    redis = RedisProcess.start();
    return redis.url();
  }

  void stop() throws Exception {
    redis.close();
  }

  /** Of the server that has this key. */
  RawRedis raw(String key) throws Exception {
    return redis.raw();
  }

  @BeforeAll
  void open() throws Exception {
    String url = start();
    Timeouts timeouts = new Timeouts(15_000, 15_000, 15_000);
    here = RedisStore.open(url, "test", timeouts);
    there = RedisStore.open(url, "test", timeouts);
  }

  @AfterAll
  void close() throws Exception {
    here.close();
    there.close();
    stop();
  }

  @Test
  void aSessionCarriesTheEpochOfItsOwnerWhichEachLogOutEverywhereRaises() {
    String owner = newKey();
    for (int epoch = 0; epoch < 3; epoch += 1) {
      String key = login(epoch % 2 == 0 ? here : there, owner, 60_000);
      assertEquals(Integer.toString(epoch), text(there.load(key).fields().get("@e")));
      here.destroyAllOf(owner, null);
    }
  }

  @Test
  void endsAllSessionsOfOneOwnerHoweverTheyBecameTheirsAndNobodyElses() {
    String owner = newKey();
    String created = login(here, owner, 60_000);
    String from = newKey();
    String rotated = newKey();
    there.create(from, record("a", sealed(1)), 60_000, null);
    there.rotate(login(from, rotated, owner), 60_000);
    String renewed = newKey();
    here.rotate(rotation(login(there, owner, 60_000), renewed, owner), 60_000);
    there.destroy(login(here, owner, 60_000), owner);
    String other = login(here, newKey(), 60_000);

    assertEquals(3, there.destroyAllOf(owner, null));
    for (String key : List.of(created, rotated, renewed)) {
      assertEquals(Map.of("@x", "k"), plain(here.load(key).fields()));
      assertTrue(here.load(key).ttlMs() > 590_000);
    }
    assertEquals(State.ALIVE, state(here, other));
    assertEquals(0, here.destroyAllOf(owner, null));
    assertEquals(0, there.destroyAllOf(newKey(), null));
  }

  @Test
  void whatWasKilledIsRevivedByNothing() {
    String owner = newKey();
    String key = login(here, owner, 60_000);
    here.destroyAllOf(owner, null);
    CommitOptions withOwner = new CommitOptions(owner, null);
    assertEquals(OptionalLong.empty(), there.commit(key, set(".a", sealed(1)), 60_000, withOwner));
    assertEquals(Updated.Outcome.DEAD, there.update(key, ".a", "", sealed(1), 60_000).outcome());
    there.touch(key, 60_000, owner).join();
    String to = newKey();
    assertEquals(Rotated.Outcome.DEAD, there.rotate(rotation(key, to, owner), 60_000).outcome());
    assertEquals(State.DEAD, state(here, key));
    assertEquals(State.ABSENT, state(here, to));
    assertEquals(0, here.destroyAllOf(owner, null));
  }

  @Test
  void sparesTheSessionThatIsExceptedWhichIsFoundTheNextTime() {
    String owner = newKey();
    String mine = login(here, owner, 60_000);
    String elsewhere = login(there, owner, 60_000);
    assertEquals(1, here.destroyAllOf(owner, mine));
    assertEquals(State.ALIVE, state(there, mine));
    assertEquals(State.DEAD, state(there, elsewhere));
    String moved = newKey();
    assertEquals(Rotated.Outcome.DONE, here.rotate(rotation(mine, moved, owner), 60_000).outcome());
    assertEquals(1, there.destroyAllOf(owner, null));
    assertEquals(State.DEAD, state(here, moved));
  }

  @Test
  void aLogOutEverywhereInTheMidstOfLoginsLeavesNothingThatNobodyKnowsOf() {
    for (int trial = 0; trial < TRIALS; trial += 1) {
      String owner = newKey();
      String created = newKey();
      String from = newKey();
      String rotated = newKey();
      here.create(from, record("a", sealed(1)), 60_000, null);
      List<CompletableFuture<?>> steps = new ArrayList<>();
      AtomicInteger late = new AtomicInteger();
      steps.add(CompletableFuture.runAsync(() -> orGone(late, () -> here.create(created, record(), 60_000, owner))));
      steps.add(CompletableFuture.runAsync(() -> orGone(late, () -> here.rotate(login(from, rotated, owner), 60_000))));
      CompletableFuture<Integer> killing = CompletableFuture.supplyAsync(() -> there.destroyAllOf(owner, null));
      CompletableFuture.allOf(steps.toArray(new CompletableFuture<?>[0])).join();
      int ended = killing.join();
      int alive = 0;
      for (String key : List.of(created, rotated)) if (state(there, key) == State.ALIVE) alive += 1;
      assertTrue(ended <= 2 - alive && ended >= 2 - alive - late.get(), ended + " ended, " + alive + " alive");
      assertEquals(alive, here.destroyAllOf(owner, null));
      assertEquals(State.DEAD, state(here, from));
    }
  }

  @Test
  void aNewIdInTheMidstOfALogOutEverywhereSavesNobodyFromIt() {
    for (int trial = 0; trial < TRIALS; trial += 1) {
      String owner = newKey();
      String from = login(here, owner, 60_000);
      String to = newKey();
      CompletableFuture<?> killing = CompletableFuture.runAsync(() -> here.destroyAllOf(owner, null));
      orGone(new AtomicInteger(), () -> there.rotate(rotation(from, to, owner), 60_000));
      killing.join();
      assertNotEquals(State.ALIVE, state(here, from));
      assertNotEquals(State.ALIVE, state(here, to));
    }
  }

  @Test
  void findsSessionsThatLiveLongAfterTheirLogin() throws Exception {
    String owner = newKey();
    String touched = login(here, owner, 1_000);
    String committed = login(here, owner, 1_000);
    there.touch(touched, 60_000, owner).join();
    there.commit(committed, set(".a", sealed(1)), 60_000, new CommitOptions(owner, null));
    Thread.sleep(1_050);
    login(there, owner, 1_000);
    assertTrue(here.listed(owner).containsAll(List.of(touched, committed)));
    assertTrue(there.destroyAllOf(owner, null) >= 2);
    assertEquals(State.DEAD, state(here, touched));
    assertEquals(State.DEAD, state(here, committed));
  }

  @Test
  void forgetsInTheListWhatEndedLongAgo() throws Exception {
    String owner = newKey();
    String ended = newKey();
    String late = newKey();
    long hourMs = 3_600_000;
    try (RawRedis raw = raw("test:u:" + owner)) {
      raw.ask("ZADD", "test:u:" + owner, System.currentTimeMillis() - 26 * hourMs, ended);
      // Whose writes were told late, or not at all.
      raw.ask("ZADD", "test:u:" + owner, System.currentTimeMillis() - 20 * hourMs, late);
    }
    String kept = login(there, owner, 60_000);
    assertFalse(here.listed(owner).contains(ended));
    assertTrue(here.listed(owner).containsAll(List.of(kept, late)));
  }

  @Test
  void whoGoesOnWithoutTheirUserIsNotEndedWithThem() throws Exception {
    String owner = newKey();
    String key = login(here, owner, 60_000);
    here.unlist(key, owner);
    for (int at = 0; at < 500 && !here.listed(owner).isEmpty(); at += 1) Thread.sleep(10);
    assertEquals(0, there.destroyAllOf(owner, null));
    assertEquals(State.ALIVE, state(here, key));
  }

  /** In a cluster a login finds out about a log-out-everywhere when it is done, and undoes itself. */
  private static void orGone(AtomicInteger gone, Runnable login) {
    try {
      login.run();
    } catch (SessionException error) {
      assertEquals(SessionException.Code.GONE, error.code());
      gone.incrementAndGet();
    }
  }

  private static String login(SessionStore store, String owner, long ttlMs) {
    String key = newKey();
    store.create(key, record("user", sealed("ann")), ttlMs, owner);
    return key;
  }

  private static Rotation login(String from, String to, String owner) {
    Change change = new Change(Map.of("@p", "ann".getBytes()), Set.of());
    return new Rotation(from, to, change, true, owner, OptionalLong.empty());
  }
}
