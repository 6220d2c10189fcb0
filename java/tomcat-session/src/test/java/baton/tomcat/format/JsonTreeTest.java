package baton.tomcat.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

@SuppressWarnings("unchecked")
class JsonTreeTest {
  private static final String TEXT = "{\"a\":[1,2.5,{\"b\":null,\"c\":true}],\"d\":\"x\",\"e\":9999999999}";

  @Test
  void aCopyIsTheSameAndSharesNothingThatCanBeAltered() throws Exception {
    Map<String, Object> original = read();
    Map<String, Object> copy = (Map<String, Object>) JsonTree.copy(original);
    assertEquals(original, copy);
    assertTrue(JsonTree.isSame(copy, original));
    assertNotSame(original.get("a"), copy.get("a"));
    ((List<Object>) copy.get("a")).clear();
    assertEquals(3, ((List<Object>) original.get("a")).size());
  }

  @Test
  void anyChangeInPlaceIsSeen() throws Exception {
    List<Consumer<Map<String, Object>>> changes =
        List.of(
            tree -> tree.put("new", 1),
            tree -> tree.remove("d"),
            tree -> tree.put("d", "y"),
            tree -> tree.put("d", null),
            tree -> tree.put("e", 1),
            tree -> tree.put("d", tree.remove("d")),
            tree -> ((List<Object>) tree.get("a")).add(3),
            tree -> ((List<Object>) tree.get("a")).set(0, 1L),
            tree -> ((List<Object>) tree.get("a")).set(1, 2),
            tree -> ((List<Map<String, Object>>) (Object) tree.get("a")).get(2).put("b", ""),
            tree -> ((List<Map<String, Object>>) (Object) tree.get("a")).get(2).put("c", false),
            // Of another type, which may be written otherwise, though it says that it is equal.
            tree -> tree.put("a", new ArrayList<>((List<Object>) tree.get("a")) {}),
            tree -> ((List<Object>) tree.get("a")).set(2, new TreeMap<>(Map.of("c", true))));
    for (Consumer<Map<String, Object>> change : changes) {
      Map<String, Object> original = read();
      Map<String, Object> copy = (Map<String, Object>) JsonTree.copy(original);
      change.accept(copy);
      assertFalse(JsonTree.isSame(copy, original), String.valueOf(copy));
    }
    assertFalse(JsonTree.isSame(new HashMap<>(read()), read()));
    assertFalse(JsonTree.isSame(null, read()));
    assertFalse(JsonTree.isSame(new LinkedHashMap<>(), read()));
  }

  private static Map<String, Object> read() throws Exception {
    return (Map<String, Object>) JsonReader.read(TEXT);
  }
}
