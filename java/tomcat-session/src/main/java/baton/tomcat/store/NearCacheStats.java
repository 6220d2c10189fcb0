package baton.tomcat.store;

/** What a near cache has done since it began, and what it holds. */
public final class NearCacheStats {
  private final long hits;
  private final long misses;
  private final long stale;
  private final long invalidated;
  private final long evicted;
  private final int entries;
  private final long bytes;

  NearCacheStats(long hits, long misses, long stale, long invalidated, long evicted, int entries, long bytes) {
    this.hits = hits;
    this.misses = misses;
    this.stale = stale;
    this.invalidated = invalidated;
    this.evicted = evicted;
    this.entries = entries;
    this.bytes = bytes;
  }

  public long hits() {
    return hits;
  }

  public long misses() {
    return misses;
  }

  /** Misses though there was an entry: too old, older than the client's last commit, or read over a lost connection. */
  public long stale() {
    return stale;
  }

  /** Entries dropped because somebody else wrote. */
  public long invalidated() {
    return invalidated;
  }

  public long evicted() {
    return evicted;
  }

  public int entries() {
    return entries;
  }

  /** About what the entries take in memory. */
  public long bytes() {
    return bytes;
  }
}
