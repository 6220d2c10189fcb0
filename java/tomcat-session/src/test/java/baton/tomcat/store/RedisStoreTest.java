package baton.tomcat.store;

import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.plain;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.rotation;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static baton.tomcat.store.Records.state;
import static baton.tomcat.store.Records.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.Envelope;
import baton.tomcat.format.RecordMeta.State;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every store must do, on two connections to one Redis, as two nodes have. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RedisStoreTest {
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
  void givesBackOnOneNodeByteForByteWhatAnotherHasCreated() {
    String key = newKey();
    Map<String, byte[]> fields = record("cart", new byte[] {0, 13, 10, -1}, "a name: ü.@", sealed("x"), "", sealed("y"));
    assertTrue(here.create(key, fields, 60_000, null));
    Stored loaded = there.load(key);
    assertEquals(plain(fields), plain(loaded.fields()));
    assertTrue(loaded.ttlMs() > 55_000 && loaded.ttlMs() <= 60_000);
  }

  @Test
  void loadsNothingWhereNothingIs() {
    assertNull(here.load(newKey()));
  }

  @Test
  void refusesToCreateWhatExistsAliveOrDead() {
    String key = newKey();
    here.create(key, record("a", sealed(1)), 60_000, null);
    assertFalse(there.create(key, record("a", sealed(2)), 60_000, null));
    here.destroy(key, null);
    assertFalse(there.create(key, record("a", sealed(3)), 60_000, null));
    assertEquals(State.DEAD, state(here, key));
  }

  @Test
  void commitsWhatChangedAndLeavesTheRest() {
    String key = newKey();
    byte[] b = sealed("kept");
    here.create(key, record("a", sealed(1), "b", b, "c", sealed(3)), 5_000, null);
    byte[] a = sealed(2);
    assertEquals(OptionalLong.of(2), there.commit(key, new Change(Map.of(".a", a), Set.of(".c", ".never")), 60_000));
    Stored stored = here.load(key);
    assertArrayEquals(a, stored.fields().get(".a"));
    assertArrayEquals(b, stored.fields().get(".b"));
    assertFalse(stored.fields().containsKey(".c"));
    assertEquals("2", text(stored.fields().get("@v")));
    assertTrue(stored.ttlMs() > 55_000);
  }

  @Test
  void twoNodesThatWriteDistinctAttributesLoseNothing() {
    String key = newKey();
    here.create(key, record(), 60_000, null);
    Set<Long> versions = new ConcurrentSkipListSet<>();
    CompletableFuture<?>[] writes = new CompletableFuture<?>[40];
    for (int at = 0; at < writes.length; at += 1) {
      int n = at;
      SessionStore node = n % 2 == 0 ? here : there;
      writes[n] =
          CompletableFuture.runAsync(
              () -> versions.add(node.commit(key, set(".n" + n, sealed(n)), 60_000).getAsLong()));
    }
    CompletableFuture.allOf(writes).join();
    assertEquals(40, versions.size());
    Map<String, byte[]> fields = here.load(key).fields();
    for (int n = 0; n < 40; n += 1) assertTrue(fields.containsKey(".n" + n));
    assertEquals("41", text(fields.get("@v")));
  }

  @Test
  void threadsThatShareAConnectionDoNotGetIntoEachOthersTransactions() {
    String[] sessions = new String[16];
    for (int at = 0; at < sessions.length; at += 1) {
      sessions[at] = newKey();
      here.create(sessions[at], record(), 60_000, null);
    }
    Thread[] threads = new Thread[sessions.length];
    Set<String> wrong = new ConcurrentSkipListSet<>();
    for (int at = 0; at < threads.length; at += 1) {
      String key = sessions[at];
      threads[at] =
          new Thread(
              () -> {
                try {
                  for (int n = 0; n < 300; n += 1) {
                    long version = here.commit(key, set(".n", sealed(n)), 60_000, new CommitOptions(key, null)).getAsLong();
                    here.touch(key, 60_000, key);
                    String loaded = text(here.load(key).fields().get("@v"));
                    if (version != n + 2 || !loaded.equals(Long.toString(version))) wrong.add(version + " as " + loaded);
                  }
                } catch (RuntimeException error) {
                  wrong.add(String.valueOf(error.getMessage()));
                }
              });
      threads[at].start();
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException cause) {
        throw new IllegalStateException(cause);
      }
    }
    assertEquals(Set.of(), wrong);
  }

  @Test
  void aLateWriteRevivesNothing() {
    String destroyed = newKey();
    here.create(destroyed, record("a", sealed(1)), 60_000, null);
    here.destroy(destroyed, null);
    for (String key : List.of(destroyed, newKey())) {
      assertEquals(OptionalLong.empty(), there.commit(key, set(".a", sealed(2)), 60_000));
      there.touch(key, 60_000, null).join();
      assertEquals(Updated.Outcome.DEAD, there.update(key, ".a", "", sealed(1), 60_000).outcome());
      assertNotEquals(State.ALIVE, state(here, key));
    }
  }

  @Test
  void updatesOneFieldOnlyFromTheValueItWasReadAs() {
    String key = newKey();
    byte[] first = sealed(1);
    byte[] second = sealed(2);
    here.create(key, record("n", first), 60_000, null);
    Updated done = there.update(key, ".n", Envelope.etag(first), second, 60_000);
    assertEquals(Updated.Outcome.DONE, done.outcome());
    assertEquals(2, done.version());
    Updated conflict = here.update(key, ".n", Envelope.etag(first), second, 60_000);
    assertEquals(Updated.Outcome.CONFLICT, conflict.outcome());
    assertArrayEquals(second, conflict.value());
    assertEquals(3, here.update(key, ".n", Envelope.etag(second), null, 60_000).version());
    Updated absent = here.update(key, ".n", Envelope.etag(second), first, 60_000);
    assertEquals(Updated.Outcome.CONFLICT, absent.outcome());
    assertNull(absent.value());
    assertEquals(4, here.update(key, ".n", "", first, 60_000).version());
    assertArrayEquals(first, there.load(key).fields().get(".n"));
  }

  @Test
  void destroySaysWhetherItEndedSomethingAndLeavesATombstone() {
    assertFalse(here.destroy(newKey(), null));
    String key = newKey();
    here.create(key, record("a", sealed(1)), 60_000, null);
    assertTrue(there.destroy(key, null));
    assertFalse(here.destroy(key, null));
    Stored left = here.load(key);
    assertEquals(Map.of("@x", "d"), plain(left.fields()));
    assertTrue(left.ttlMs() > 590_000);
  }

  @Test
  void rotateMovesWhatTheStoreHasNowWithTheChange() {
    String from = newKey();
    String to = newKey();
    Map<String, byte[]> fields = record("a", sealed(1), "b", sealed(2));
    fields.put("@j.note", new byte[] {1});
    here.create(from, fields, 60_000, null);
    byte[] byOther = sealed("written since");
    there.commit(from, set(".c", byOther), 60_000);
    Change change = new Change(Map.of("@p", "ann".getBytes()), Set.of(".b"));
    Rotated moved = here.rotate(new Rotation(from, to, change, true, null, OptionalLong.empty()), 60_000);
    assertEquals(Rotated.Outcome.DONE, moved.outcome());
    assertEquals(Set.of(".a", ".c", "@c", "@f", "@j.note", "@m", "@p", "@v"), moved.fields().keySet());
    assertArrayEquals(byOther, moved.fields().get(".c"));
    assertEquals("3", text(moved.fields().get("@v")));
    assertEquals(plain(moved.fields()), plain(there.load(to).fields()));
    assertEquals(Map.of("@x", "r:" + to), plain(there.load(from).fields()));
  }

  @Test
  void rotateCanLeaveAttributesBehindAndMovesNothingThatIsDead() {
    String from = newKey();
    String to = newKey();
    String never = newKey();
    Map<String, byte[]> fields = record("a", sealed(1));
    fields.put("@j.note", new byte[] {1});
    here.create(from, fields, 60_000, null);
    Rotation leaving = new Rotation(from, to, set(".new", sealed(2)), false, null, OptionalLong.empty());
    assertEquals(Set.of(".new", "@c", "@f", "@m", "@v"), there.rotate(leaving, 60_000).fields().keySet());
    assertEquals(Rotated.Outcome.DEAD, here.rotate(rotation(from, never, null), 60_000).outcome());
    assertNull(here.load(never));
  }

  @Test
  void rotatesFromTheVersionThatWasReadAndOtherwiseNotAtAll() {
    String from = newKey();
    String to = newKey();
    here.create(from, record("a", sealed(1)), 60_000, null);
    there.commit(from, set(".b", sealed(2)), 60_000);
    Rotation old = new Rotation(from, to, Change.NONE, true, null, OptionalLong.of(1));
    assertEquals(Rotated.Outcome.CONFLICT, here.rotate(old, 60_000).outcome());
    assertEquals(State.ALIVE, state(here, from));
    assertEquals(State.ABSENT, state(here, to));
    Rotation present = new Rotation(from, to, Change.NONE, true, null, OptionalLong.of(2));
    assertTrue(here.rotate(present, 60_000).fields().containsKey(".b"));
    assertEquals(State.DEAD, state(there, from));
    assertEquals(State.ALIVE, state(there, to));
  }

  @Test
  void ofTwoNodesThatRotateTheSameSessionOneDoes() {
    for (int trial = 0; trial < 10; trial += 1) {
      String from = newKey();
      String one = newKey();
      String two = newKey();
      here.create(from, record("a", sealed(1)), 60_000, null);
      CompletableFuture<Rotated> first = CompletableFuture.supplyAsync(() -> here.rotate(rotation(from, one, null), 60_000));
      CompletableFuture<Rotated> second = CompletableFuture.supplyAsync(() -> there.rotate(rotation(from, two, null), 60_000));
      assertEquals(
          Set.of(Rotated.Outcome.DONE, Rotated.Outcome.DEAD),
          Set.of(first.join().outcome(), second.join().outcome()));
      assertEquals(Set.of(State.ABSENT, State.ALIVE), Set.of(state(here, one), state(here, two)));
    }
  }

  @Test
  void touchExtendsTheLifeAndIdleSessionsEnd() throws Exception {
    String touched = newKey();
    String idle = newKey();
    here.create(touched, record(), 5_000, null);
    here.create(idle, record(), 300, null);
    there.touch(touched, 60_000, null).join();
    for (int at = 0; at < 250 && here.load(idle) != null; at += 1) Thread.sleep(20);
    assertNull(here.load(idle));
    assertTrue(here.load(touched).ttlMs() > 50_000);
    assertEquals(OptionalLong.empty(), there.commit(idle, set(".a", sealed(1)), 60_000));
  }

  @Test
  void countsTheSessionsThatAreAlive() {
    long before = there.count();
    String first = newKey();
    String second = newKey();
    for (String key : List.of(first, second, newKey())) here.create(key, record(), 60_000, null);
    here.destroy(first, null);
    here.rotate(rotation(second, newKey(), null), 60_000);
    assertEquals(before + 2, there.count());
  }

  @Test
  void givesTheLockToOneHolderAtATimeWithTheSessionAsItIsThen() {
    String key = newKey();
    here.create(key, record("a", sealed(0)), 60_000, null);
    there.commit(key, set(".b", sealed(1)), 60_000);
    Locked locked = here.lock(key, "one", 60_000);
    assertTrue(locked.stored().fields().containsKey(".b"));
    assertTrue(locked.stored().ttlMs() > 55_000);
    assertEquals(Locked.Outcome.TAKEN, there.lock(key, "two", 60_000).outcome());
    assertEquals(Locked.Outcome.DONE, there.lock(key, "one", 60_000).outcome());
    there.unlock(key, "two");
    assertEquals(Locked.Outcome.TAKEN, there.lock(key, "two", 60_000).outcome());
    here.unlock(key, "one");
    assertEquals(Locked.Outcome.DONE, there.lock(key, "two", 60_000).outcome());
    assertEquals("2", text(here.load(key).fields().get("@v")));
  }

  @Test
  void whoHasLostTheLockWritesNothing() throws Exception {
    String key = newKey();
    here.create(key, record("a", sealed(0)), 60_000, null);
    here.lock(key, "one", 1);
    Thread.sleep(20);
    CommitOptions one = new CommitOptions(null, "one");
    baton.tomcat.format.SessionException lost =
        org.junit.jupiter.api.Assertions.assertThrows(
            baton.tomcat.format.SessionException.class, () -> here.commit(key, set(".b", sealed(1)), 60_000, one));
    assertEquals("session-conflict", lost.code().word());
    assertFalse(here.load(key).fields().containsKey(".b"));
    there.lock(key, "two", 60_000);
    assertEquals(OptionalLong.of(2), there.commit(key, set(".c", sealed(1)), 60_000, new CommitOptions(null, "two")));
    assertEquals(OptionalLong.of(3), here.commit(key, set(".d", sealed(1)), 60_000));
    there.destroy(key, null);
    assertEquals(OptionalLong.empty(), there.commit(key, set(".e", sealed(1)), 60_000, new CommitOptions(null, "two")));
    assertEquals(Locked.Outcome.DEAD, there.lock(key, "two", 60_000).outcome());
    assertEquals(State.DEAD, state(here, key));
  }

  @Test
  void saysThatItIsUp() {
    here.load(newKey());
    assertTrue(here.health().isUp());
    assertTrue(here.health().sinceMs() >= 0);
  }

  @Test
  void listsTheSessionsOfAnOwner() throws Exception {
    String owner = newKey();
    String one = newKey();
    String two = newKey();
    here.create(one, record(), 60_000, owner);
    there.create(two, record(), 60_000, owner);
    assertEquals(Set.of(one, two), new TreeSet<>(here.listed(owner)));
    here.destroy(one, owner);
    // In a cluster the list is another server's, which nobody waits for.
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (there.listed(owner).contains(one) && System.nanoTime() < until) Thread.sleep(5);
    assertEquals(List.of(two), there.listed(owner));
  }
}
