package baton.tomcat.store;

import baton.tomcat.format.SessionException;

/** How much a near cache keeps, and for how long it is believed. */
public final class NearCacheLimits {
  /** 5 s, 10,000 sessions, 64 MiB. */
  public static final NearCacheLimits DEFAULT = new NearCacheLimits(5_000, 10_000, 64L << 20);

  private final long maxAgeMs;
  private final int maxEntries;
  private final long maxBytes;

  /**
   * {@code maxAgeMs}: how old a session may be that is served without asking Redis, whatever happens to invalidations.
   * Throws {@link SessionException} {@code OPTIONS} for numbers below 1.
   */
  public NearCacheLimits(long maxAgeMs, int maxEntries, long maxBytes) {
    if (maxAgeMs < 1 || maxEntries < 1 || maxBytes < 1) {
      throw new SessionException(
          SessionException.Code.OPTIONS, "the limits of the near cache are whole numbers from 1 on; leave out what need not differ");
    }
    this.maxAgeMs = maxAgeMs;
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
  }

  public long maxAgeMs() {
    return maxAgeMs;
  }

  public int maxEntries() {
    return maxEntries;
  }

  public long maxBytes() {
    return maxBytes;
  }
}
