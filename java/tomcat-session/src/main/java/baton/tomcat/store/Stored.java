package baton.tomcat.store;

import java.util.Map;

/** A record as it was read. Neither the map nor the arrays in it are ever altered: a cache may share them. */
public final class Stored {
  private final Map<String, byte[]> fields;
  private final long ttlMs;
  private final ParsedValues parsed;

  public Stored(Map<String, byte[]> fields, long ttlMs) {
    this(fields, ttlMs, null);
  }

  Stored(Map<String, byte[]> fields, long ttlMs, ParsedValues parsed) {
    this.fields = fields;
    this.ttlMs = ttlMs;
    this.parsed = parsed;
  }

  public Map<String, byte[]> fields() {
    return fields;
  }

  /** Until it expires. */
  public long ttlMs() {
    return ttlMs;
  }

  /** Of a cache, which gives the same fields to many; null: of none. */
  public ParsedValues parsed() {
    return parsed;
  }
}
