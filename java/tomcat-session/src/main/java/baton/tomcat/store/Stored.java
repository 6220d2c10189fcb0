package baton.tomcat.store;

import baton.tomcat.format.RecordMeta;
import java.util.Map;

/** A record as it was read. Neither the map nor the arrays in it are ever altered: a cache may share them. */
public final class Stored {
  private final Map<String, byte[]> fields;
  private final long ttlMs;
  private final ParsedRecord parsed;
  private RecordMeta meta;

  public Stored(Map<String, byte[]> fields, long ttlMs) {
    this(fields, ttlMs, null);
  }

  Stored(Map<String, byte[]> fields, long ttlMs, ParsedRecord parsed) {
    this.fields = fields;
    this.ttlMs = ttlMs;
    this.parsed = parsed;
  }

  public Map<String, byte[]> fields() {
    return fields;
  }

  /** What its meta fields mean, at this instant. Throws as {@link RecordMeta#read} does. */
  public RecordMeta meta() {
    // Of several threads each may read it, and reads the same.
    RecordMeta known = meta;
    if (known == null) meta = known = parsed == null ? RecordMeta.read(fields) : parsed.meta();
    return known.at(System.currentTimeMillis());
  }

  /** Until it expires. */
  public long ttlMs() {
    return ttlMs;
  }

  /** Of a cache, which gives the same fields to many; null: of none. */
  public ParsedRecord parsed() {
    return parsed;
  }
}
