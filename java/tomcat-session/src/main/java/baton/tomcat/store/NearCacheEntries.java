package baton.tomcat.store;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Cached sessions, bounded in number and bytes; what was used longest ago goes first. Not safe for use by many threads:
 * {@link NearCache} is.
 */
final class NearCacheEntries {
  private final int maxEntries;
  private final long maxBytes;
  private final LinkedHashMap<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;
  private long evicted;

  NearCacheEntries(NearCacheLimits limits) {
    maxEntries = limits.maxEntries();
    maxBytes = limits.maxBytes();
  }

  /** null: none. It counts as used. */
  Entry get(String key) {
    return entries.get(key);
  }

  /** Replaces what is there. What is over the bounds all by itself is not kept. */
  void put(String key, Entry entry) {
    remove(key);
    if (entry.bytes > maxBytes) return;
    entries.put(key, entry);
    bytes += entry.bytes;
    evict();
  }

  private void evict() {
    Iterator<Entry> oldest = entries.values().iterator();
    while (entries.size() > maxEntries || bytes > maxBytes) {
      bytes -= oldest.next().bytes;
      oldest.remove();
      evicted += 1;
    }
  }

  boolean remove(String key) {
    Entry entry = entries.remove(key);
    if (entry == null) return false;
    bytes -= entry.bytes;
    return true;
  }

  /** The entry takes so much more. false: there is no room, or it has gone while a request still held it. */
  boolean grow(String key, Entry entry, long more) {
    if (entries.get(key) != entry || entry.bytes + more > maxBytes) return false;
    entry.bytes += more;
    bytes += more;
    evict();
    return true;
  }

  void clear() {
    entries.clear();
    bytes = 0;
  }

  int size() {
    return entries.size();
  }

  long bytes() {
    return bytes;
  }

  long evicted() {
    return evicted;
  }

  /** One session as it was read or committed last. Times are of {@code System.nanoTime()}. */
  static final class Entry {
    final Map<String, byte[]> fields;
    /** {@code @v} */
    final long version;
    /** When it expires unless it is touched. */
    final long deadlineNs;
    /** When the load, or commit, was sent whose answer this is: it may have been out of date since then. */
    final long loadedAtNs;
    /** Rises whenever a connection is lost: nothing tells of changes to what was read before. */
    final long era;
    final ParsedRecord parsed;
    private long bytes;

    /** {@code grow}: asked for room by what is parsed of it. */
    Entry(Map<String, byte[]> fields, long version, long deadlineNs, long loadedAtNs, long era, Grow grow) {
      this.fields = fields;
      this.version = version;
      this.deadlineNs = deadlineNs;
      this.loadedAtNs = loadedAtNs;
      this.era = era;
      this.parsed = new ParsedRecord(fields, more -> grow.by(this, more));
      this.bytes = sizeOf(fields);
    }

    /** Makes room for more of an entry. */
    interface Grow {
      boolean by(Entry entry, long bytes);
    }

    /** About what it takes in memory: a field is an entry of a map, a string and an array. */
    private static long sizeOf(Map<String, byte[]> fields) {
      long bytes = 400;
      for (Map.Entry<String, byte[]> field : fields.entrySet()) {
        bytes += 140 + field.getKey().length() + field.getValue().length;
      }
      return bytes;
    }
  }
}
