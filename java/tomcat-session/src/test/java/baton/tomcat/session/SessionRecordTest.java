package baton.tomcat.session;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.EncryptionKeys;
import baton.tomcat.format.PlainJavaValues;
import baton.tomcat.format.SessionException;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord.Life;
import baton.tomcat.store.RawRedis;
import baton.tomcat.store.RedisProcess;
import baton.tomcat.store.SessionStoreException;
import baton.tomcat.store.TripCounter;
import baton.tomcat.store.Wanted;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SessionRecordTest {
  private static final String KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

  private RedisProcess redis;
  private RawRedis raw;
  private TripCounter proxy;
  private Sessions here;
  private Sessions there;
  private final List<SessionException> dropped = new CopyOnWriteArrayList<>();

  @BeforeEach
  void open() throws Exception {
    redis = RedisProcess.start();
    raw = redis.raw();
    proxy = new TripCounter(redis.port());
    here = Sessions.open(options().url(proxy.url()));
    there = Sessions.open(options().url(redis.url()));
    here.load(here.newId(), Wanted.NORMAL);
    there.load(here.newId(), Wanted.NORMAL);
    proxy.trips();
  }

  @AfterEach
  void close() throws Exception {
    here.close();
    there.close();
    proxy.close();
    raw.close();
    redis.close();
  }

  @Test
  void countsRoundTrips() {
    SessionRecord begun = here.make(here.newId());
    begun.commit();
    assertEquals(0, proxy.trips(), "nothing to write");
    begun.set("a", 1);
    begun.commit();
    // The script is sent whole the first time.
    proxy.trips();
    SessionRecord second = here.make(here.newId());
    second.set("a", 1);
    second.commit();
    assertEquals(1, proxy.trips(), "create");
    SessionRecord read = here.load(second.id(), Wanted.NORMAL);
    assertEquals(1, read.get("a"));
    read.commit();
    assertEquals(1, proxy.trips(), "read-only");
    read.set("a", 2);
    read.commit();
    assertEquals(1, proxy.trips(), "write");
    assertTrue(read.destroy());
    assertEquals(1, proxy.trips(), "logout");
    begun.login(ann(), here.newId());
    proxy.trips();
    begun.login(ann(), here.newId());
    assertEquals(1, proxy.trips(), "login");
    assertNull(here.load("nonsense", Wanted.NORMAL));
    assertEquals(0, proxy.trips(), "what is no id");
  }

  @Test
  void readingNeverWrites() {
    SessionRecord session = begin(here);
    session.set("list", new ArrayList<>(List.of("tea")));
    session.set("set", new HashSet<>(Set.of("a", "b", "c", "d")));
    session.set("date", new Date(5));
    session.set("bytes", new byte[] {1});
    session.commit();
    SessionRecord read = there.load(session.id(), Wanted.NORMAL);
    for (String name : read.names()) read.get(name);
    assertFalse(read.isChanged());
    raw.ask("HSET", "test:s:" + session.key(), ".list", "jAb3_-9 [ \"tea\" ] ");
    SessionRecord spelt = there.load(session.id(), Wanted.NORMAL);
    assertEquals(List.of("tea"), spelt.get("list"));
    assertFalse(spelt.isChanged());
  }

  @Test
  void changesInPlaceAreWrittenAndNothingElse() {
    SessionRecord session = begin(here);
    session.set("list", new ArrayList<>(List.of("tea")));
    session.set("cart", new Cart("tea"));
    session.set("date", new Date(5));
    session.set("same", new Cart("kept"));
    session.commit();
    byte[] same = (byte[]) raw.ask("HGET", "test:s:" + session.key(), ".same");
    SessionRecord changing = there.load(session.id(), Wanted.NORMAL);
    @SuppressWarnings("unchecked")
    List<Object> list = (List<Object>) changing.get("list");
    list.add("milk");
    ((Cart) changing.get("cart")).item = "milk";
    ((Date) changing.get("date")).setTime(6);
    changing.get("same");
    changing.commit();
    SessionRecord read = here.load(session.id(), Wanted.NORMAL);
    assertEquals(List.of("tea", "milk"), read.get("list"));
    assertEquals("milk", ((Cart) read.get("cart")).item);
    assertEquals(new Date(6), read.get("date"));
    assertArrayEquals(same, (byte[]) raw.ask("HGET", "test:s:" + session.key(), ".same"));
    changing.commit();
    assertEquals(2, there.load(session.id(), Wanted.NORMAL).version());
  }

  @Test
  void whatCannotBeReadIsUnavailableAloneAndKeptByteForByte() {
    SessionRecord session = begin(here);
    session.set("a", 1);
    session.commit();
    String key = "test:s:" + session.key();
    byte[] broken = {'J', 'A', 'b', '3', '_', '-', '9', (byte) 0xac, (byte) 0xed, 0, 5, 0x73};
    raw.ask("HSET", key, ".java", broken);
    raw.ask("HSET", key, ".future", "zAb3_-9?");
    SessionRecord read = there.load(session.id(), Wanted.NORMAL);
    assertEquals(Set.of("a", "java", "future"), read.names());
    for (String name : List.of("java", "future")) {
      SessionException error = assertThrows(SessionException.class, () -> read.get(name));
      assertEquals(SessionException.Code.FORMAT, error.code());
    }
    for (int at = 0; at < 100; at += 1) {
      read.set("a", at + 2);
      read.commit();
    }
    read.login(ann(), there.newId());
    assertArrayEquals(broken, (byte[]) raw.ask("HGET", "test:s:" + read.key(), ".java"));
    assertEquals("zAb3_-9?", raw.askText("HGET", "test:s:" + read.key(), ".future"));
    read.set("java", "new");
    read.remove("future");
    read.commit();
    assertEquals(Set.of("a", "java"), here.load(read.id(), Wanted.NORMAL).names());
  }

  @Test
  void twoNodesThatWriteDistinctAttributesLoseNothing() {
    SessionRecord session = begin(here);
    session.set("a", 0);
    session.commit();
    CompletableFuture<?>[] writes = new CompletableFuture<?>[60];
    for (int at = 0; at < writes.length; at += 1) {
      int n = at;
      writes[n] =
          CompletableFuture.runAsync(
              () -> {
                SessionRecord own = (n % 2 == 0 ? here : there).load(session.id(), Wanted.NORMAL);
                own.set("n" + n, n);
                own.commit();
              });
    }
    CompletableFuture.allOf(writes).join();
    SessionRecord read = here.load(session.id(), Wanted.NORMAL);
    for (int n = 0; n < writes.length; n += 1) assertEquals(n, read.get("n" + n));
    assertEquals(61, read.version());
  }

  @Test
  void manyRequestsThatShareOneRecordLoseNothing() {
    SessionRecord shared = begin(here);
    shared.set("a", 0);
    shared.commit();
    AtomicInteger failed = new AtomicInteger();
    CompletableFuture<?>[] requests = new CompletableFuture<?>[64];
    for (int at = 0; at < requests.length; at += 1) {
      int n = at;
      requests[n] =
          CompletableFuture.runAsync(
              () -> {
                if (n % 8 == 7) {
                  SessionRecord elsewhere = there.load(shared.id(), Wanted.NORMAL);
                  elsewhere.set("n" + n, n);
                  elsewhere.commit();
                  return;
                }
                if (!shared.refresh(Wanted.NORMAL)) failed.incrementAndGet();
                shared.set("n" + n, n);
                shared.commit();
              });
    }
    CompletableFuture.allOf(requests).join();
    assertEquals(0, failed.get());
    assertTrue(shared.refresh(Wanted.NORMAL));
    SessionRecord read = there.load(shared.id(), Wanted.NORMAL);
    for (int n = 0; n < requests.length; n += 1) {
      assertEquals(n, read.get("n" + n));
      assertEquals(n, shared.get("n" + n));
    }
  }

  @Test
  void aRefreshShowsWhatOthersWroteAndKeepsWhatIsNotWrittenYet() {
    SessionRecord shared = begin(here);
    shared.set("theirs", "old");
    shared.set("same", new ArrayList<>(List.of(1)));
    shared.set("mine", new ArrayList<>(List.of(1)));
    shared.commit();
    Object same = shared.get("same");
    @SuppressWarnings("unchecked")
    List<Object> mine = (List<Object>) shared.get("mine");
    mine.add(2);
    shared.set("assigned", "here");
    SessionRecord other = there.load(shared.id(), Wanted.NORMAL);
    other.set("theirs", "new");
    other.set("mine", new ArrayList<>(List.of(9)));
    other.commit();
    assertTrue(shared.refresh(Wanted.NORMAL));
    assertEquals("new", shared.get("theirs"));
    assertSame(same, shared.get("same"));
    assertSame(mine, shared.get("mine"));
    assertEquals("here", shared.get("assigned"));
    shared.commit();
    SessionRecord read = there.load(shared.id(), Wanted.NORMAL);
    assertEquals(List.of(1, 2), read.get("mine"));
    assertEquals("here", read.get("assigned"));
    assertEquals("new", read.get("theirs"));
  }

  @Test
  void aLogoutElsewhereEndsItAndALateWriteIsDroppedAndReported() {
    SessionRecord shared = begin(here);
    shared.set("a", 1);
    shared.commit();
    assertTrue(there.load(shared.id(), Wanted.NORMAL).destroy());
    shared.set("a", 2);
    shared.commit();
    assertEquals(Life.DEAD, shared.life());
    assertEquals(1, dropped.size());
    assertFalse(dropped.get(0).getMessage().contains(shared.id()));
    assertFalse(shared.refresh(Wanted.NORMAL));
    assertEquals(Life.DEAD, there.load(shared.id(), Wanted.NORMAL).life());
    assertThrows(SessionException.class, () -> shared.renewId(here.newId()));
  }

  @Test
  void aLoginMovesItAndTheOldIdIsWorthNothing() {
    SessionRecord session = begin(here);
    session.set("cart", "tea");
    session.setNote("saved", new byte[] {7});
    session.commit();
    String before = session.id();
    SessionRecord elsewhere = there.load(before, Wanted.NORMAL);
    session.set("also", 1);
    session.login(new StoredPrincipal("ann", List.of("clerk"), "FORM"), here.newId());
    assertNotEquals(before, session.id());
    SessionRecord read = there.load(session.id(), Wanted.NORMAL);
    assertEquals(new StoredPrincipal("ann", List.of("clerk"), "FORM"), read.principal().get());
    assertEquals("tea", read.get("cart"));
    assertEquals(1, read.get("also"));
    assertArrayEquals(new byte[] {7}, read.note("saved"));
    assertEquals(Life.DEAD, there.load(before, Wanted.NORMAL).life());
    elsewhere.set("a", 1);
    elsewhere.commit();
    assertEquals(Life.DEAD, elsewhere.life());
    session.login(new StoredPrincipal("bob", List.of(), null), here.newId());
    SessionRecord bobs = there.load(session.id(), Wanted.NORMAL);
    assertEquals(Set.of(), bobs.names());
    assertNull(bobs.note("saved"));
  }

  @Test
  void aLoginOfOneLeavesTheOthersWithTheOldIdAndNoneOfTheirObjects() {
    SessionRecord shared = begin(here);
    shared.set("list", new ArrayList<>(List.of("stored")));
    shared.commit();
    String before = shared.id();
    List<Object> list = listIn(shared);
    list.add("changed in place");
    shared.set("early", 1);
    shared.remove("first");
    SessionRecord apart = shared.loginApart(ann(), here.newId());
    list.add("too late");
    shared.set("late", 1);
    shared.commit();
    assertEquals(before, shared.id());
    assertEquals(Life.DEAD, shared.life());
    assertEquals(1, dropped.size());
    assertFalse(dropped.get(0).getMessage().contains("early"));
    apart.set("more", 1);
    apart.commit();
    SessionRecord read = there.load(apart.id(), Wanted.NORMAL);
    assertEquals(ann(), read.principal().get());
    assertEquals(Set.of("list", "early", "more"), read.names());
    assertEquals(List.of("stored", "changed in place"), read.get("list"));
    assertEquals(Life.DEAD, there.load(before, Wanted.NORMAL).life());
    SessionRecord again = shared.loginApart(ann(), here.newId());
    assertEquals(Set.of(), there.load(again.id(), Wanted.NORMAL).names());
    assertThrows(SessionException.class, () -> shared.renewIdApart(here.newId()));
  }

  @SuppressWarnings("unchecked")
  private static List<Object> listIn(SessionRecord session) {
    return (List<Object>) session.get("list");
  }

  @Test
  void logOutEverywhereCoversAllNodesButOne() {
    SessionRecord one = begin(here);
    one.login(ann(), here.newId());
    SessionRecord two = begin(there);
    two.login(ann(), there.newId());
    SessionRecord bob = begin(there);
    bob.login(new StoredPrincipal("bob", List.of(), null), there.newId());
    assertEquals(1, there.destroyAllOf("ann", one));
    assertTrue(one.refresh(Wanted.NORMAL));
    assertFalse(two.refresh(Wanted.NORMAL));
    assertTrue(bob.refresh(Wanted.NORMAL));
    one.renewId(here.newId());
    assertEquals(1, there.destroyAllOf("ann", null));
    assertFalse(one.refresh(Wanted.NORMAL));
  }

  @Test
  void encryptedItIsNowhereLegibleAndMovesWithEverything() {
    EncryptionKeys keys = EncryptionKeys.of(Map.of("2026", KEY), EncryptionKeys.Plaintext.REFUSE);
    try (Sessions one = Sessions.open(options().url(redis.url()).encryption(keys));
        Sessions two = Sessions.open(options().url(redis.url()).encryption(keys))) {
      SessionRecord session = begin(one);
      session.set("cart", "Assam");
      session.set("n", 5L);
      session.commit();
      SessionRecord other = two.load(session.id(), Wanted.NORMAL);
      other.set("since", "Darjeeling");
      other.commit();
      session.login(ann(), one.newId());
      String dump = new String((byte[]) raw.ask("HGET", "test:s:" + session.key(), ".cart"), java.nio.charset.StandardCharsets.ISO_8859_1);
      assertTrue(dump.startsWith("E") && !dump.contains("Assam"));
      SessionRecord read = two.load(session.id(), Wanted.NORMAL);
      assertEquals("Assam", read.get("cart"));
      assertEquals("Darjeeling", read.get("since"));
      assertEquals(5L, read.get("n"));
      read.commit();
      assertEquals("Darjeeling", session.get("since"));
      SessionRecord blind = there.load(session.id(), Wanted.NORMAL);
      assertThrows(SessionException.class, () -> blind.get("cart"));
    }
  }

  @Test
  void anUpdateIsAtomicAcrossNodesAndAConsumedValueGoesToOne() {
    SessionRecord session = begin(here);
    session.set("n", 0);
    session.set("token", "once");
    session.commit();
    AtomicInteger consumed = new AtomicInteger();
    CompletableFuture<?>[] requests = new CompletableFuture<?>[20];
    for (int at = 0; at < requests.length; at += 1) {
      Sessions node = at % 2 == 0 ? here : there;
      requests[at] =
          CompletableFuture.runAsync(
              () -> {
                SessionRecord own = node.load(session.id(), Wanted.NORMAL);
                own.update("n", n -> (Integer) n + 1);
                if ("once".equals(own.consume("token"))) consumed.incrementAndGet();
              });
    }
    CompletableFuture.allOf(requests).join();
    assertEquals(20, there.load(session.id(), Wanted.NORMAL).get("n"));
    assertEquals(1, consumed.get());
  }

  @Test
  void aStoreThatIsAwayChangesNothingHereAndTheNextCommitWritesIt() throws Exception {
    SessionRecord session = begin(there);
    session.set("a", 1);
    session.commit();
    session.set("a", 2);
    redis.freeze();
    assertThrows(SessionStoreException.class, session::commit);
    assertThrows(SessionStoreException.class, () -> there.load(session.id(), Wanted.NORMAL));
    redis.thaw();
    for (int tries = 0; session.isChanged(); tries += 1) {
      try {
        session.commit();
      } catch (SessionStoreException away) {
        if (tries == 100) throw away;
        Thread.sleep(20);
      }
    }
    assertEquals(2, there.load(session.id(), Wanted.NORMAL).get("a"));
  }

  @Test
  void limitsAreKeptAndNothingIsStoredThen() {
    SessionRecord session = begin(here);
    session.set("a", "kept");
    session.commit();
    session.set("big", new byte[2_000_000]);
    SessionException refused = assertThrows(SessionException.class, session::commit);
    assertEquals(SessionException.Code.TOO_LARGE, refused.code());
    session.forgetChanges();
    assertEquals(Set.of("a"), session.names());
    assertFalse(session.isChanged());
    assertEquals(Set.of("a"), there.load(session.id(), Wanted.NORMAL).names());
  }

  @Test
  void touchesOnlyWhenSomeOfTheIntervalHasPassed() throws Exception {
    SessionRecord session = begin(here);
    session.set("a", 1);
    session.commit();
    String key = "test:s:" + session.key();
    SessionRecord early = here.load(session.id(), Wanted.NORMAL);
    proxy.trips();
    early.commit();
    assertEquals(0, proxy.trips());
    raw.ask("PEXPIRE", key, 1_000_000);
    SessionRecord late = here.load(session.id(), Wanted.NORMAL);
    assertTrue(Math.abs(System.currentTimeMillis() - 800_000 - late.lastUsedAtMs()) < 5_000);
    late.commit();
    for (int at = 0; at < 100 && (Long) raw.ask("PTTL", key) < 1_500_000; at += 1) Thread.sleep(10);
    assertTrue((Long) raw.ask("PTTL", key) > 1_700_000);
    assertEquals(1, late.version());
  }

  private SessionRecord begin(Sessions sessions) {
    return sessions.make(sessions.newId());
  }

  private SessionOptions options() {
    return new SessionOptions().namespace("test").javaValues(new PlainJavaValues()).onDropped(dropped::add);
  }

  private static StoredPrincipal ann() {
    return new StoredPrincipal("ann", List.of(), null);
  }

  private static final class Cart implements Serializable {
    private static final long serialVersionUID = 1L;
    private String item;

    Cart(String item) {
      this.item = item;
    }
  }
}
