package baton.tomcat.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Timestamp;
import java.time.DayOfWeek;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ValueCodecTest {
  private final ValueCodec codec = new ValueCodec(new PlainJavaValues());

  @Test
  void everyTypeComesBackAsItself() {
    check('s', "grüße 🍵");
    check('i', 42);
    check('l', 42L);
    check('d', 42.0);
    check('d', Double.NaN);
    check('b', true);
    check('t', new Date(-1));
    check('J', (short) 1);
    check('J', (byte) 1);
    check('J', 1.5f);
    check('J', 'c');
    check('J', new BigDecimal("1.10"));
    check('J', BigInteger.TEN);
    check('J', DayOfWeek.MONDAY);
    check('J', new Timestamp(1));
    check('J', "half a pair \ud83c");
    assertArrayEquals(new byte[] {1, 0}, (byte[]) again('u', new byte[] {1, 0}));
  }

  @Test
  void anInstantIsADateInAllLanguages() {
    assertEquals(new Date(1_700_000_000_123L), again('t', Instant.ofEpochMilli(1_700_000_000_123L)));
    check('J', Instant.ofEpochSecond(1, 1));
  }

  @Test
  void mapsAndListsAreJsonWhereTheirTypesSurviveIt() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("s", "x");
    map.put("i", 1);
    map.put("l", Long.MAX_VALUE);
    map.put("d", 42.0);
    map.put("big", new BigInteger("18446744073709551616"));
    map.put("n", null);
    map.put("list", new ArrayList<>(List.of(true, -0.0)));
    assertEquals(LinkedHashMap.class, again('j', map).getClass());
    check('j', map);
    check('j', new HashMap<>(Map.of("a", 1)));
    check('j', List.of(1, 2));
    check('j', Arrays.asList("a", null));
    check('j', Collections.unmodifiableMap(Map.of("a", 1)));
    check('j', Collections.emptyList());
  }

  @Test
  void whatJsonWouldChangeIsSerialised() {
    check('J', new ArrayList<>(List.of(1L)));
    check('J', new ArrayList<>(List.of(new Date(1))));
    check('J', new ArrayList<>(List.of('c')));
    check('J', new ArrayList<>(List.of(Double.NaN)));
    check('J', new LinkedList<>(List.of(1)));
    check('J', new TreeMap<>(Map.of("a", 1)));
    check('J', new HashMap<>(Map.of(1, "a")));
    check('J', new HashMap<>(Map.of("__proto__", 1)));
    Map<String, Object> withNull = new HashMap<>();
    withNull.put(null, 1);
    check('J', withNull);
  }

  @Test
  void whatCannotBeStoredSaysSo() {
    SessionException refused = assertThrows(SessionException.class, () -> codec.encode("cart", new Object()));
    assertEquals(SessionException.Code.VALUE, refused.code());
    assertEquals(
        "attribute \"cart\" has a value of java.lang.Object that cannot be stored: it, or something within it, is not"
            + " serialisable",
        refused.getMessage());
  }

  @Test
  void deepNestingIsRefusedOrRead() {
    StringBuilder deep = new StringBuilder();
    for (int at = 0; at < 10_000; at += 1) deep.append('[');
    Plain plain = new Plain('j', deep.toString().getBytes());
    assertThrows(SessionException.class, () -> codec.decode("a", plain));
    List<Object> inner = new ArrayList<>();
    for (int at = 0; at < 499; at += 1) inner = new ArrayList<>(Collections.singletonList(inner));
    check('j', inner);
  }

  private void check(char tag, Object value) {
    Object again = again(tag, value);
    assertEquals(value, again);
    if (tag == 'J') assertEquals(value.getClass(), again.getClass());
  }

  private Object again(char tag, Object value) {
    Plain plain = codec.encode("a", value);
    assertEquals(tag, plain.tag(), () -> "of " + value);
    return codec.decode("a", plain);
  }
}
