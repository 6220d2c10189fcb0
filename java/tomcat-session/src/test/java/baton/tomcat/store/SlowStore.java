package baton.tomcat.store;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;

/** A store whose loads have their answers, and do not return before something else has happened. */
final class SlowStore implements SessionStore {
  private final SessionStore inner;
  private final CountDownLatch isAnswered;
  private final CountDownLatch goesOn;

  SlowStore(SessionStore inner, CountDownLatch isAnswered, CountDownLatch goesOn) {
    this.inner = inner;
    this.isAnswered = isAnswered;
    this.goesOn = goesOn;
  }

  @Override
  public Stored load(String key, Wanted wanted) {
    Stored stored = inner.load(key, wanted);
    isAnswered.countDown();
    try {
      goesOn.await();
    } catch (InterruptedException over) {
      Thread.currentThread().interrupt();
    }
    return stored;
  }

  @Override
  public boolean create(String key, Map<String, byte[]> fields, long ttlMs, String owner) {
    return inner.create(key, fields, ttlMs, owner);
  }

  @Override
  public OptionalLong commit(String key, Change change, long ttlMs, CommitOptions options) {
    return inner.commit(key, change, ttlMs, options);
  }

  @Override
  public Updated update(String key, String field, String etag, byte[] value, long ttlMs) {
    return inner.update(key, field, etag, value, ttlMs);
  }

  @Override
  public boolean destroy(String key, String owner) {
    return inner.destroy(key, owner);
  }

  @Override
  public Rotated rotate(Rotation rotation, long ttlMs) {
    return inner.rotate(rotation, ttlMs);
  }

  @Override
  public CompletableFuture<Void> touch(String key, long ttlMs, String owner) {
    return inner.touch(key, ttlMs, owner);
  }

  @Override
  public void unlist(String key, String owner) {
    inner.unlist(key, owner);
  }

  @Override
  public int destroyAllOf(String owner, String except) {
    return inner.destroyAllOf(owner, except);
  }

  @Override
  public Locked lock(String key, String holder, long leaseMs) {
    return inner.lock(key, holder, leaseMs);
  }

  @Override
  public void unlock(String key, String holder) {
    inner.unlock(key, holder);
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

  @Override
  public void close() {
    inner.close();
  }
}
