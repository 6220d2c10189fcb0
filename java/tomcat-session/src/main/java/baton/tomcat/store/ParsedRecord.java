package baton.tomcat.store;

import baton.tomcat.format.RecordMeta;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongPredicate;

/**
 * What was read from one record already, for all who are given the same record by a cache: its meta fields, and values that
 * are JSON. Nobody alters what is here: an application gets a copy. Safe for use by many threads.
 */
public final class ParsedRecord {
  private final Map<String, Object> values = new ConcurrentHashMap<>();
  private final Map<String, byte[]> fields;
  private final LongPredicate grow;
  private volatile RecordMeta meta;

  /** {@code grow}: asked for room, in bytes; false where there is none. */
  ParsedRecord(Map<String, byte[]> fields, LongPredicate grow) {
    this.fields = fields;
    this.grow = grow;
  }

  /** As {@link RecordMeta#read}. */
  public RecordMeta meta() {
    RecordMeta known = meta;
    if (known == null) meta = known = RecordMeta.read(fields);
    return known;
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
