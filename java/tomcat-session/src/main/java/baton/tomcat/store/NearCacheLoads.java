package baton.tomcat.store;

import java.util.HashMap;
import java.util.Map;

/**
 * Loads that are under way. Each is registered before it is sent, so that an invalidation, which may come before, with or right
 * after its answer, finds it: what it brings may be used, and must not be kept. Not safe for use by many threads.
 */
final class NearCacheLoads {
  private final Map<String, Load> byKey = new HashMap<>();

  Load begin(String key) {
    Load load = byKey.computeIfAbsent(key, unknown -> new Load());
    load.underWay += 1;
    return load;
  }

  /** Once for each {@link #begin}. Gives whether its answer may be kept. */
  boolean end(String key, Load load) {
    load.underWay -= 1;
    if (load.underWay == 0) byKey.remove(key, load);
    return load.isGood;
  }

  void spoil(String key) {
    Load load = byKey.remove(key);
    if (load != null) load.isGood = false;
  }

  void spoilAll() {
    for (Load load : byKey.values()) load.isGood = false;
    byKey.clear();
  }

  /** The loads of one key since it was spoiled last. */
  static final class Load {
    private int underWay;
    private boolean isGood = true;
  }
}
