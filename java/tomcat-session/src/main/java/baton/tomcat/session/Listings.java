package baton.tomcat.session;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A user's list of sessions has to know when each of them ends, or log-out-everywhere would miss some. Every write prolongs a
 * session, and telling the list each time would double what a write costs: this remembers when this JVM told it last. Safe for
 * use by many threads.
 */
final class Listings {
  /** Remembers up to twice as many; what is forgotten is told once more. */
  private static final int MAX_KEYS = 10_000;

  private Map<String, Long> recent = new HashMap<>();
  private Map<String, Long> former = new HashMap<>();

  /** Whether more than 5 % of the interval have passed, as for a touch, or this JVM has never told the list. */
  synchronized boolean isDue(String key, long maxInactiveMs) {
    Long toldAtNs = recent.get(key);
    if (toldAtNs == null) toldAtNs = former.get(key);
    return toldAtNs == null || System.nanoTime() - toldAtNs > TimeUnit.MILLISECONDS.toNanos(maxInactiveMs) / 20;
  }

  synchronized void renewed(String key) {
    if (recent.size() >= MAX_KEYS) {
      former = recent;
      recent = new HashMap<>();
    }
    recent.put(key, System.nanoTime());
  }
}
