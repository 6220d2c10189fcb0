package baton.tomcat.session;

import static baton.tomcat.format.Fixtures.bytes;
import static baton.tomcat.format.Fixtures.comparable;
import static baton.tomcat.format.Fixtures.hex;
import static baton.tomcat.format.Fixtures.list;
import static baton.tomcat.format.Fixtures.map;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.Fixtures;
import baton.tomcat.format.SessionId;
import baton.tomcat.store.RawRedis;
import baton.tomcat.store.RedisProcess;
import baton.tomcat.store.RedisStore;
import baton.tomcat.store.SessionStore;
import baton.tomcat.store.Timeouts;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What one request does to Redis, as the fixtures have it. */
class OperationsTest {
  /** How late a test may look. */
  private static final long TOLERANCE_MS = 10_000;

  private static RedisProcess redis;
  private static RawRedis raw;
  private static SessionStore store;
  private static Map<String, Object> fixtures;

  @BeforeAll
  static void open() throws Exception {
    fixtures = map(Fixtures.read("operations"));
    redis = RedisProcess.start();
    raw = redis.raw();
    store = RedisStore.open(redis.url(), (String) fixtures.get("namespace"), new Timeouts(5_000, 5_000, 5_000));
  }

  @AfterAll
  static void close() throws Exception {
    store.close();
    raw.close();
    redis.close();
  }

  @TestFactory
  Stream<DynamicTest> operationsDoWhatTheyDo() {
    return list(fixtures.get("operations")).stream()
        .map(operation -> map(operation))
        .map(operation -> DynamicTest.dynamicTest((String) operation.get("name"), () -> check(operation)));
  }

  private void check(Map<String, Object> operation) {
    raw.ask("FLUSHALL");
    put(map(operation.get("before")));
    OperationPlayer player = new OperationPlayer(fixtures, operation, store, OperationsTest::put);
    player.play();
    for (Object[] pair : player.given()) assertEquals(comparable(wide(pair[1])), comparable(wide(pair[0])));
    assertEquals(operation.get("cookie"), player.cookie());
    assertEquals(Boolean.TRUE.equals(operation.get("dropped")) ? 1 : 0, player.dropped());
    String next = player.cookie().equals("new") ? SessionId.hash(player.newId()) : "none";

    Map<String, Object> after = new TreeMap<>();
    map(operation.get("after")).forEach((key, entry) -> after.put(key.replace("$new", next), entry));
    Set<String> found = new TreeSet<>(OperationPlayer.texts(raw.askList("KEYS", "*")));
    // Whatever a late write left there: no reader takes it for a session.
    if (operation.containsKey("dead")) {
      for (Object key : list(operation.get("dead"))) {
        boolean isCreated = raw.ask("HEXISTS", key, "@c").equals(1L);
        assertFalse(isCreated && raw.ask("HEXISTS", key, "@x").equals(0L));
        found.remove(key);
      }
    }
    assertEquals(after.keySet(), found);
    after.forEach((key, entry) -> checkEntry(key, map(entry), next));
  }

  private static void checkEntry(String key, Map<String, Object> wanted, String next) {
    if (wanted.containsKey("ttlMs")) assertAbout((Long) raw.ask("PTTL", key), wanted.get("ttlMs"));
    if (wanted.containsKey("value")) assertEquals(wanted.get("value"), raw.askText("GET", key));
    if (wanted.containsKey("fields")) {
      Map<String, Object> fields = map(wanted.get("fields"));
      List<String> names = OperationPlayer.texts(raw.askList("HKEYS", key));
      assertEquals(new TreeSet<>(fields.keySet()), new TreeSet<>(names));
      fields.forEach((field, value) -> checkValue(field, (byte[]) raw.ask("HGET", key, field), value, next));
    }
    if (wanted.containsKey("members")) {
      Map<String, Object> members = map(wanted.get("members"));
      Set<String> names = new HashSet<>();
      for (String member : members.keySet()) names.add(member.replace("$new", next));
      assertEquals(names, new HashSet<>(OperationPlayer.texts(raw.askList("ZRANGE", key, 0, -1))));
      members.forEach(
          (member, leftMs) -> {
            String score = raw.askText("ZSCORE", key, member.replace("$new", next));
            assertAbout((long) Double.parseDouble(score) - System.currentTimeMillis(), leftMs);
          });
    }
  }

  private static void checkValue(String field, byte[] found, Object wanted, String next) {
    if (wanted instanceof String) {
      assertEquals(wanted, hex(found), field);
      return;
    }
    Map<String, Object> pattern = map(wanted);
    String text = new String(found);
    if (pattern.containsKey("written")) {
      String head = new String(found, 0, 7, java.nio.charset.StandardCharsets.ISO_8859_1);
      assertTrue(head.matches(pattern.get("written") + "(?!Ab3_-9)[\\w-]{6}"), head);
      assertEquals(pattern.get("payload"), hex(java.util.Arrays.copyOfRange(found, 7, found.length)), field);
    } else if (pattern.containsKey("text")) {
      assertEquals(((String) pattern.get("text")).replace("$new", next), text);
    } else if (pattern.containsKey("lock")) {
      String[] parts = text.split(":");
      assertTrue(parts[0].matches("[\\w-]{10,}"));
      assertAbout(Long.parseLong(parts[1]) - System.currentTimeMillis(), pattern.get("lock"));
    } else {
      assertAbout(Long.parseLong(text) - System.currentTimeMillis(), pattern.getOrDefault("nowPlusMs", 0));
    }
  }

  /** The fixtures know one type of numbers where they read. */
  private static Object wide(Object value) {
    return value instanceof Integer ? (Object) ((Integer) value).longValue() : value;
  }

  private static void assertAbout(long found, Object wanted) {
    long expected = ((Number) wanted).longValue();
    assertTrue(found <= expected + 5 && found > expected - TOLERANCE_MS, found + " is not about " + expected);
  }

  private static void put(Map<String, Object> entries) {
    entries.forEach(
        (key, given) -> {
          raw.ask("DEL", key);
          if (given == null) return;
          Map<String, Object> entry = map(given);
          if (entry.containsKey("fields")) {
            map(entry.get("fields")).forEach((field, value) -> raw.ask("HSET", key, field, bytes(value)));
          }
          if (entry.containsKey("members")) {
            map(entry.get("members"))
                .forEach(
                    (member, leftMs) ->
                        raw.ask("ZADD", key, System.currentTimeMillis() + ((Number) leftMs).longValue(), member));
          }
          if (entry.containsKey("value")) raw.ask("SET", key, entry.get("value"));
          if (entry.containsKey("ttlMs")) raw.ask("PEXPIRE", key, entry.get("ttlMs"));
        });
  }
}
