package baton.tomcat.store;

import java.util.Collections;
import java.util.Map;
import java.util.Set;

/** Fields to write, and fields to remove. */
public final class Change {
  public static final Change NONE = new Change(Collections.emptyMap(), Collections.emptySet());

  private final Map<String, byte[]> set;
  private final Set<String> remove;

  public Change(Map<String, byte[]> set, Set<String> remove) {
    this.set = Collections.unmodifiableMap(set);
    this.remove = Collections.unmodifiableSet(remove);
  }

  public Map<String, byte[]> set() {
    return set;
  }

  public Set<String> remove() {
    return remove;
  }

  public boolean isEmpty() {
    return set.isEmpty() && remove.isEmpty();
  }
}
