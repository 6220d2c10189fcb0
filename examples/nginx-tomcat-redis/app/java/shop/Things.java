package shop;

import jakarta.servlet.http.HttpSession;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A list of things in a session, each an attribute of its own that says when it was put there. So two requests at two nodes
 * that put different things in at the same moment do not overwrite each other.
 */
final class Things {
  private final String prefix;

  /** {@code name}: cart, wish. */
  Things(String name) {
    prefix = name + ":";
  }

  void add(HttpSession session, String thing) {
    if (session.getAttribute(prefix + thing) == null) {
      session.setAttribute(prefix + thing, System.currentTimeMillis());
    }
  }

  /** The oldest first. {@code session}: null for none. */
  List<String> in(HttpSession session) {
    if (session == null) return List.of();
    Map<String, String> things = new TreeMap<>();
    for (String name : Collections.list(session.getAttributeNames())) {
      if (!name.startsWith(prefix)) continue;
      Object at = session.getAttribute(name);
      if (at instanceof Number) {
        things.put(String.format("%020d ", ((Number) at).longValue()) + name, name.substring(prefix.length()));
      }
    }
    return List.copyOf(things.values());
  }
}
