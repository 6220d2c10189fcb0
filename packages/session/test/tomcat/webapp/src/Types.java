package app;

import jakarta.servlet.http.HttpSession;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;

/** Attributes of every type, cast as an application casts them. */
final class Types {
  private static final long BIG = 9_007_199_254_740_993L;

  private Types() {}

  static String setAll(HttpSession session) {
    session.setAttribute("integer", 7);
    session.setAttribute("long", 8L);
    session.setAttribute("bigLong", BIG);
    session.setAttribute("double", 9.5);
    session.setAttribute("wholeDouble", 42.0);
    session.setAttribute("boolean", true);
    session.setAttribute("string", "Grüße 👋");
    session.setAttribute("date", new Date(1_700_000_000_123L));
    session.setAttribute("bytes", new byte[] {0, 1, -1});
    session.setAttribute("map", new HashMap<>(Map.of("name", "ann", "points", 3)));
    session.setAttribute("list", new ArrayList<>(List.of("one", 2, 2.5, true)));
    return "set";
  }

  /** Each one step further, in its own type. */
  static String stepAll(HttpSession session) {
    session.setAttribute("integer", (Integer) session.getAttribute("integer") + 1);
    session.setAttribute("long", (Long) session.getAttribute("long") + 1);
    session.setAttribute("bigLong", (Long) session.getAttribute("bigLong") + 1);
    session.setAttribute("double", (Double) session.getAttribute("double") + 1);
    session.setAttribute("wholeDouble", (Double) session.getAttribute("wholeDouble") + 1);
    session.setAttribute("boolean", !(Boolean) session.getAttribute("boolean"));
    session.setAttribute("string", session.getAttribute("string") + "!");
    session.setAttribute("date", new Date(((Date) session.getAttribute("date")).getTime() + 1));
    byte[] bytes = (byte[]) session.getAttribute("bytes");
    session.setAttribute("bytes", new byte[] {bytes[0], bytes[1], bytes[2], (byte) (bytes.length - 2)});
    map(session).put("points", (Integer) map(session).get("points") + 1);
    append(session, "java");
    return "stepped";
  }

  /** In place: nothing is assigned. */
  static String append(HttpSession session, String item) {
    @SuppressWarnings("unchecked")
    List<Object> list = (List<Object>) session.getAttribute("list");
    list.add(item);
    return "appended";
  }

  static String showAll(HttpSession session) {
    StringJoiner all = new StringJoiner("\n");
    for (String name : new String[] {
      "integer", "long", "bigLong", "double", "wholeDouble", "boolean", "string", "date", "bytes", "map", "list"
    }) {
      all.add(name + ": " + show(session.getAttribute(name)));
    }
    return all.toString();
  }

  /** With the types of what is in it. */
  static String show(Object value) {
    if (value == null) return "null";
    String type = value.getClass().getSimpleName() + " ";
    if (value instanceof Date) return type + ((Date) value).getTime();
    if (value instanceof byte[]) return type + Arrays.toString((byte[]) value);
    if (value instanceof List) {
      StringJoiner items = new StringJoiner(", ", "[", "]");
      for (Object item : (List<?>) value) items.add(show(item));
      return type + items;
    }
    if (value instanceof Map) {
      Map<String, String> sorted = new TreeMap<>();
      ((Map<?, ?>) value).forEach((key, item) -> sorted.put((String) key, show(item)));
      return type + sorted;
    }
    return type + value;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(HttpSession session) {
    return (Map<String, Object>) session.getAttribute("map");
  }
}
