package baton.tomcat.format;

import java.util.ArrayList;
import java.util.ConcurrentModificationException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@link ValueCodec} has read from JSON: copied, and compared, in a fraction of the time that its text would take. */
public final class JsonTree {
  private JsonTree() {}

  /** Maps and lists down to the last one; what they hold besides cannot be altered. */
  public static Object copy(Object tree) {
    if (tree instanceof Map) {
      Map<?, ?> map = (Map<?, ?>) tree;
      Map<Object, Object> copy = new LinkedHashMap<>(capacityOf(map.size()));
      for (Map.Entry<?, ?> entry : map.entrySet()) copy.put(entry.getKey(), copy(entry.getValue()));
      return copy;
    }
    if (tree instanceof List) {
      List<?> list = (List<?>) tree;
      List<Object> copy = new ArrayList<>(list.size());
      for (Object item : list) copy.add(copy(item));
      return copy;
    }
    return tree;
  }

  /**
   * Whether {@code value}, once a copy of {@code original}, would certainly be written as the same text. false says nothing:
   * the text itself will have to tell.
   */
  public static boolean isSame(Object value, Object original) {
    try {
      return same(value, original);
    } catch (ConcurrentModificationException busy) {
      return false;
    }
  }

  private static boolean same(Object value, Object original) {
    if (value == original) return !(original instanceof Map || original instanceof List);
    if (value == null || original == null || value.getClass() != original.getClass()) return false;
    if (original instanceof Map) return same((Map<?, ?>) value, (Map<?, ?>) original);
    if (original instanceof List) return same((List<?>) value, (List<?>) original);
    return original.equals(value);
  }

  private static boolean same(Map<?, ?> value, Map<?, ?> original) {
    if (value.size() != original.size()) return false;
    Iterator<? extends Map.Entry<?, ?>> entries = value.entrySet().iterator();
    for (Map.Entry<?, ?> expected : original.entrySet()) {
      if (!entries.hasNext()) return false;
      Map.Entry<?, ?> entry = entries.next();
      if (!expected.getKey().equals(entry.getKey()) || !same(entry.getValue(), expected.getValue())) return false;
    }
    return true;
  }

  private static boolean same(List<?> value, List<?> original) {
    if (value.size() != original.size()) return false;
    Iterator<?> items = value.iterator();
    for (Object expected : original) if (!items.hasNext() || !same(items.next(), expected)) return false;
    return true;
  }

  private static int capacityOf(int size) {
    return size * 4 / 3 + 1;
  }
}
