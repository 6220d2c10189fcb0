package baton.tomcat.store;

import java.util.LinkedHashSet;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Cached sessions, bounded in number and bytes; the oldest that was not used since goes first: who was used has a second
 * chance. Any thread may {@link #get}; all else is for one at a time, which {@link NearCache} sees to.
 */
final class NearCacheEntries {
  private final int maxEntries;
  private final long maxBytes;
  /** Read by every request: a lock would have all of them wait whenever the one that has it is not running. */
  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  /** The same, the oldest first. */
  private final LinkedHashSet<Entry> byAge = new LinkedHashSet<>();
  private long bytes;
  private long evicted;

  NearCacheEntries(NearCacheLimits limits) {
    maxEntries = limits.maxEntries();
    maxBytes = limits.maxBytes();
  }

  /** null: none. It counts as used. */
  Entry get(String key) {
    Entry entry = entries.get(key);
    if (entry != null && !entry.isUsed) entry.isUsed = true;
    return entry;
  }

  /** Replaces what is there. What is over the bounds all by itself is not kept. */
  void put(String key, Entry entry) {
    remove(key);
    if (entry.bytes > maxBytes || maxEntries < 1) return;
    makeRoom(1, entry.bytes);
    entries.put(key, entry);
    byAge.add(entry);
    bytes += entry.bytes;
  }

  /** For so many entries and bytes more. */
  private void makeRoom(int count, long more) {
    while (byAge.size() + count > maxEntries || bytes + more > maxBytes) {
      Entry oldest = byAge.iterator().next();
      if (oldest.isUsed) {
        oldest.isUsed = false;
        byAge.remove(oldest);
        byAge.add(oldest);
      } else {
        remove(oldest.key);
        evicted += 1;
      }
    }
  }

  boolean remove(String key) {
    Entry entry = entries.remove(key);
    if (entry == null) return false;
    byAge.remove(entry);
    bytes -= entry.bytes;
    return true;
  }

  /** The entry takes so much more. false: there is no room, or it has gone while a request still held it. */
  boolean grow(String key, Entry entry, long more) {
    if (entries.get(key) != entry || entry.bytes + more > maxBytes) return false;
    entry.bytes += more;
    bytes += more;
    makeRoom(0, 0);
    return true;
  }

  void clear() {
    entries.clear();
    byAge.clear();
    bytes = 0;
  }

  int size() {
    return byAge.size();
  }

  long bytes() {
    return bytes;
  }

  long evicted() {
    return evicted;
  }

  /** One session as it was read or committed last. Times are of {@code System.nanoTime()}. */
  static final class Entry {
    private final String key;
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
    /** Since it came, or since it was spared last. */
    private volatile boolean isUsed;

    /** {@code grow}: asked for room by what is parsed of it. */
    Entry(
        String key, Map<String, byte[]> fields, long version, long deadlineNs, long loadedAtNs, long era, Grow grow) {
      this.key = key;
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
