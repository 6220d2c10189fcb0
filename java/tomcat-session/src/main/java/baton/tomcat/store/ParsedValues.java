package baton.tomcat.store;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongPredicate;

/**
 * JSON of one record that was parsed already, for all who are given the same record by a cache. Nobody alters what is here:
 * an application gets a copy. Safe for use by many threads.
 */
public final class ParsedValues {
  private final Map<String, Object> values = new ConcurrentHashMap<>();
  private final LongPredicate grow;

  /** {@code grow}: asked for room, in bytes; false where there is none. */
  ParsedValues(LongPredicate grow) {
    this.grow = grow;
  }

  /** null: not here. */
  public Object get(String attribute) {
    return values.get(attribute);
  }

  /** {@code bytes}: of the text that it was parsed from. One at a time: room is asked for once. */
  public synchronized void keep(String attribute, Object value, int bytes) {
    // Room is asked for about what it takes in memory: small objects take several times as much as their text.
    if (!values.containsKey(attribute) && grow.test(200 + 5L * bytes)) values.put(attribute, value);
  }
}
