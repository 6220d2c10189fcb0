package baton.tomcat.store;

import baton.tomcat.store.NearCacheEntries.Entry;
import baton.tomcat.store.NearCacheLoads.Load;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Keeps sessions that were read in this JVM's memory, and serves them until somebody writes them. What a client has committed
 * itself it always sees ({@link Wanted#atLeast}); what others wrote, at the latest after the maximum age. Whatever ends or
 * moves a session, locks it or could not be confirmed drops it here; a commit is carried over only from exactly the version
 * before.
 */
public final class NearCache implements SessionStore {
  /**
   * Nothing is served once it is longer ago than this that the store was proven to have told us everything: for a connection
   * that is half open.
   */
  private static final long MAX_SILENCE_NS = TimeUnit.SECONDS.toNanos(1);

  private final SessionStore inner;
  private final Tracking tracking;
  private final String prefix;
  private final long maxAgeNs;
  /** All below is changed only by who holds this object, which nobody does while the store is asked. */
  private final NearCacheEntries entries;

  private final NearCacheLoads loads = new NearCacheLoads();
  /** Entries of an earlier era serve only who asks for a stale one. */
  private volatile long era;
  private final LongAdder hits = new LongAdder();
  private long misses;
  private long stale;
  private long invalidated;

  /** {@code inner}: reports to {@code tracking}. {@code prefix}: what stands before a session's key in Redis. */
  NearCache(SessionStore inner, Tracking tracking, String prefix, NearCacheLimits limits) {
    this.inner = inner;
    this.tracking = tracking;
    this.prefix = prefix;
    maxAgeNs = TimeUnit.MILLISECONDS.toNanos(limits.maxAgeMs());
    entries = new NearCacheEntries(limits);
    tracking.listen(new News());
  }

  /** Sessions in Redis, as {@link RedisStore#open} gives them, behind a near cache. */
  public static NearCache open(String url, String namespace, Timeouts timeouts, NearCacheLimits limits) {
    Tracking tracking = new Tracking();
    SessionStore redis = RedisStore.open(url, namespace, timeouts, tracking);
    return new NearCache(redis, tracking, new RedisKeys(namespace).session(""), limits);
  }

  /** What {@link #load} would give without asking; null says nothing. */
  Stored peek(String key, Wanted wanted) {
    if (wanted.isFresh()) return null;
    Entry entry = entries.get(key);
    if (entry == null || entry.era != era || entry.version < wanted.least()) return null;
    long nowNs = System.nanoTime();
    if (nowNs - entry.loadedAtNs >= maxAgeNs || !tracking.isProvenWithin(MAX_SILENCE_NS)) return null;
    if (entry.deadlineNs - nowNs <= 0) return null;
    hits.increment();
    return stored(entry, nowNs);
  }

  @Override
  public Stored load(String key, Wanted wanted) {
    Stored cached = peek(key, wanted);
    if (cached != null) return cached;
    long sentAtNs = System.nanoTime();
    Load load = begin(key);
    Stored loaded;
    try {
      loaded = inner.load(key, wanted);
    } catch (RuntimeException error) {
      synchronized (this) {
        loads.end(key, load);
        Entry old = wanted.isStaleOk() && error instanceof SessionStoreException ? entries.get(key) : null;
        long nowNs = System.nanoTime();
        // What the client itself has written it must see, even while the store is away.
        if (old == null || old.version < wanted.least() || old.deadlineNs - nowNs <= 0) throw error;
        return stored(old, nowNs);
      }
    }
    synchronized (this) {
      if (loads.end(key, load)) keep(key, loaded, sentAtNs);
    }
    return loaded;
  }

  @Override
  public OptionalLong commit(String key, Change change, long ttlMs, CommitOptions options) {
    return carried(key, change, ttlMs, () -> inner.commit(key, change, ttlMs, options), version -> version);
  }

  @Override
  public Updated update(String key, String field, String etag, byte[] value, long ttlMs) {
    Change change = value == null ? new Change(Map.of(), Set.of(field)) : new Change(Map.of(field, value), Set.of());
    return carried(
        key,
        change,
        ttlMs,
        () -> inner.update(key, field, etag, value, ttlMs),
        updated ->
            updated.outcome() == Updated.Outcome.DONE ? OptionalLong.of(updated.version()) : OptionalLong.empty());
  }

  @Override
  public boolean create(String key, Map<String, byte[]> fields, long ttlMs, String owner) {
    return dropped(key, () -> inner.create(key, fields, ttlMs, owner));
  }

  @Override
  public boolean destroy(String key, String owner) {
    return dropped(key, () -> inner.destroy(key, owner));
  }

  @Override
  public Rotated rotate(Rotation rotation, long ttlMs) {
    return dropped(rotation.to(), () -> dropped(rotation.from(), () -> inner.rotate(rotation, ttlMs)));
  }

  /** PEXPIRE is a write as well: it ends the tracking of the key. Touches are rare. */
  @Override
  public CompletableFuture<Void> touch(String key, long ttlMs, String owner) {
    return inner.touch(key, ttlMs, owner).whenComplete((done, error) -> drop(key));
  }

  @Override
  public Locked lock(String key, String holder, long leaseMs) {
    return dropped(key, () -> inner.lock(key, holder, leaseMs));
  }

  @Override
  public void unlock(String key, String holder) {
    try {
      inner.unlock(key, holder);
    } finally {
      drop(key);
    }
  }

  @Override
  public void unlist(String key, String owner) {
    inner.unlist(key, owner);
  }

  @Override
  public int destroyAllOf(String owner, String except) {
    try {
      return inner.destroyAllOf(owner, except);
    } finally {
      // Our own writes are not pushed to us, and which sessions were theirs is not known here.
      forgetAll();
    }
  }

  @Override
  public long count() {
    return inner.count();
  }

  @Override
  public List<String> listed(String owner) {
    return inner.listed(owner);
  }

  @Override
  public StoreHealth health() {
    return inner.health();
  }

  public synchronized NearCacheStats stats() {
    return new NearCacheStats(
        hits.sum(), misses, stale, invalidated, entries.evicted(), entries.size(), entries.bytes());
  }

  @Override
  public void close() {
    tracking.close();
    forgetAll();
    inner.close();
  }

  private synchronized Load begin(String key) {
    misses += 1;
    if (entries.get(key) != null) stale += 1;
    return loads.begin(key);
  }

  private void keep(String key, Stored loaded, long sentAtNs) {
    byte[] version = loaded == null ? null : loaded.fields().get("@v");
    boolean isAlive = version != null && loaded.fields().containsKey("@c") && !loaded.fields().containsKey("@x");
    if (!isAlive || loaded.ttlMs() <= 0 || !isNumber(version)) {
      entries.remove(key);
      return;
    }
    long deadlineNs = sentAtNs + TimeUnit.MILLISECONDS.toNanos(loaded.ttlMs());
    entries.put(key, entry(key, loaded.fields(), RedisReplies.number(version), deadlineNs, sentAtNs));
  }

  /**
   * After an own write nothing tells of the key any more, and a load whose answer has not been seen yet may be from before
   * it. Until then the entry is as good as any answer.
   */
  private <T> T dropped(String key, Supplier<T> write) {
    try {
      return write.get();
    } finally {
      drop(key);
    }
  }

  private synchronized void drop(String key) {
    loads.spoil(key);
    entries.remove(key);
  }

  /** After an own write that ended with a read of the key, so that Redis tells of it again. */
  private <T> T carried(
      String key, Change change, long ttlMs, Supplier<T> write, Function<T, OptionalLong> versionOf) {
    long sentAtNs = System.nanoTime();
    long eraBefore = era;
    OptionalLong next = OptionalLong.empty();
    try {
      T result = write.get();
      next = versionOf.apply(result);
      return result;
    } finally {
      carry(key, change, next, eraBefore, sentAtNs, ttlMs);
    }
  }

  private synchronized void carry(
      String key, Change change, OptionalLong next, long eraBefore, long sentAtNs, long ttlMs) {
    loads.spoil(key);
    Entry entry = entries.get(key);
    // Each change has a version of its own: from the one before, the same change makes what the store has. Not so from an
    // earlier era: a server that took over may have lost some, and given their versions to others.
    if (next.isEmpty() || entry == null || entry.version != next.getAsLong() - 1 || entry.era != era || eraBefore != era) {
      entries.remove(key);
      return;
    }
    Map<String, byte[]> fields = new LinkedHashMap<>(entry.fields);
    fields.putAll(change.set());
    fields.keySet().removeAll(change.remove());
    fields.put("@v", RedisReplies.bytes(next.getAsLong()));
    long deadlineNs = sentAtNs + TimeUnit.MILLISECONDS.toNanos(ttlMs);
    entries.put(key, entry(key, fields, next.getAsLong(), deadlineNs, sentAtNs));
  }

  private synchronized void forgetAll() {
    loads.spoilAll();
    entries.clear();
  }

  private Entry entry(String key, Map<String, byte[]> fields, long version, long deadlineNs, long loadedAtNs) {
    return new Entry(key, fields, version, deadlineNs, loadedAtNs, era, (entry, more) -> grow(key, entry, more));
  }

  private synchronized boolean grow(String key, Entry entry, long more) {
    return entries.grow(key, entry, more);
  }

  private static Stored stored(Entry entry, long nowNs) {
    return new Stored(entry.fields, TimeUnit.NANOSECONDS.toMillis(entry.deadlineNs - nowNs), entry.parsed);
  }

  private static boolean isNumber(byte[] digits) {
    if (digits.length == 0 || digits.length > 15) return false;
    for (byte digit : digits) if (digit < '0' || digit > '9') return false;
    return true;
  }

  /** Comes by threads that read replies, in order with those. */
  private final class News implements Tracking.Listener {
    @Override
    public void invalidated(String redisKey) {
      if (!redisKey.startsWith(prefix)) return;
      String key = redisKey.substring(prefix.length());
      synchronized (NearCache.this) {
        loads.spoil(key);
        if (entries.remove(key)) invalidated += 1;
      }
    }

    @Override
    public void emptied() {
      forgetAll();
    }

    @Override
    public void lost() {
      synchronized (NearCache.this) {
        era += 1;
        loads.spoilAll();
      }
    }
  }
}
