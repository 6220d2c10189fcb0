package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/**
 * Where records are kept. Keys are hashes of ids, fields are the format's; a store gives no meaning to attributes. Alive
 * means: {@code @c} present and {@code @x} absent. Every method waits no longer than its budget, and throws
 * {@link SessionStoreException} if the store cannot say: an error is never reported as absence. Times to live are in
 * milliseconds. Safe for use by many threads.
 */
public interface SessionStore extends AutoCloseable {
  /** Tombstones outlive the longest request. */
  long TOMBSTONE_TTL_MS = 600_000;

  /** null: nothing there. A tombstone is there. */
  Stored load(String key, Wanted wanted);

  default Stored load(String key) {
    return load(key, Wanted.NORMAL);
  }

  /**
   * false if the key exists, alive or dead: nothing is written then. With an owner (null: none), the session is listed as
   * theirs before it becomes visible, and carries their epoch in {@code @e}. Throws {@link SessionException} {@code GONE}
   * if they were logged out everywhere meanwhile.
   */
  boolean create(String key, Map<String, byte[]> fields, long ttlMs, String owner);

  /** Writes what changed, and adds 1 to {@code @v}. Gives the new version; empty: the session was dead, and stays so. */
  OptionalLong commit(String key, Change change, long ttlMs, CommitOptions options);

  default OptionalLong commit(String key, Change change, long ttlMs) {
    return commit(key, change, ttlMs, CommitOptions.NONE);
  }

  /**
   * Writes one field, and only if it still has the etag it was read with ("" where it was absent). A value of null removes
   * it.
   */
  Updated update(String key, String field, String etag, byte[] value, long ttlMs);

  /** Leaves a tombstone. false if the session was dead or absent already. {@code owner}: whose list it is on, or null. */
  boolean destroy(String key, String owner);

  /** Moves an alive session, changed, to a new key, in one step. */
  Rotated rotate(Rotation rotation, long ttlMs);

  /** Lives for ttlMs more. Revives nothing. Returns at once; the future is for who wants to know. */
  CompletableFuture<Void> touch(String key, long ttlMs, String owner);

  /** Takes a session that goes on without its user off their list; not waited for. */
  void unlist(String key, String owner);

  /** Raises the owner's epoch and ends all their sessions, but for {@code except} (or null). Gives how many were alive. */
  int destroyAllOf(String owner, String except);

  /** Takes the lock of an alive session, or extends it for the same holder. */
  Locked lock(String key, String holder, long leaseMs);

  /** Gives the lock back, if this holder still has it. */
  void unlock(String key, String holder);

  /** How many sessions are alive. For operators: looks at all of them. */
  long count();

  /** Keys of sessions in the store, alive or dead, of one owner: for operators. */
  List<String> listed(String owner);

  /** Whether the store answers, as far as this process knows; asks nothing. */
  StoreHealth health();

  /** Ends connections; ends no session. */
  @Override
  void close();
}
