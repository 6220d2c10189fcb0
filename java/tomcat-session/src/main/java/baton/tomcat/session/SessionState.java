package baton.tomcat.session;

import baton.tomcat.format.RecordMeta;
import baton.tomcat.format.SessionId;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord.Life;
import baton.tomcat.store.Change;
import baton.tomcat.store.CommitOptions;
import baton.tomcat.store.ParsedRecord;
import baton.tomcat.store.SessionStore;
import baton.tomcat.store.Stored;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What is known of a session here: what the store had when last heard of, and what was changed since. All access is
 * synchronized on it, for moments only: nobody waits for the store while holding it. Steps, which take turns, also look at
 * the volatile fields without.
 */
final class SessionState {
  /** A touch is due when so much of the interval has passed. */
  private static final double TOUCH_AFTER = 0.05;
  /** How long the answer with a new id may take to the client, and a request that was sent before to here. */
  private static final long ANSWER_MS = 10_000;

  final Attributes attributes;
  private final Context context;
  volatile String id;
  volatile String key;
  volatile Life life;
  boolean wasReplacedLately;
  boolean isNew = true;
  long createdAtMs = System.currentTimeMillis();
  long lastUsedAtMs = createdAtMs;
  OptionalLong deadlineMs = OptionalLong.empty();
  long maxInactiveMs;
  /** As the store has it. */
  long storedInactiveMs;
  /** The latest version of which every attribute is known. */
  long version;
  /** The version that was written here last; 0 for none. */
  long writtenVersion;
  volatile StoredPrincipal principal;
  boolean isTouchDue;
  /** It was prolonged by a write that told no list. */
  boolean isListLate;
  /** Who this is to the store while it has the lock; null: it has not. */
  volatile String lockHolder;

  SessionState(Context context, String id, String key) {
    this(context, id, key, new Attributes(context.codec, context.cipher, key));
  }

  private SessionState(Context context, String id, String key, Attributes attributes) {
    this.context = context;
    this.id = id;
    this.key = key;
    this.attributes = attributes;
    life = Life.NEW;
    maxInactiveMs = context.maxInactiveMs;
    storedInactiveMs = maxInactiveMs;
  }

  /** Another of the same session, with these changes, and no object that this one has. */
  SessionState copy(List<AttributeChange> changes) {
    SessionState copy = new SessionState(context, id, key, attributes.copy(changes));
    copy.life = life;
    copy.isNew = isNew;
    copy.createdAtMs = createdAtMs;
    copy.lastUsedAtMs = lastUsedAtMs;
    copy.deadlineMs = deadlineMs;
    copy.maxInactiveMs = maxInactiveMs;
    copy.storedInactiveMs = storedInactiveMs;
    copy.version = version;
    copy.writtenVersion = writtenVersion;
    copy.principal = principal;
    copy.isTouchDue = isTouchDue;
    copy.isListLate = isListLate;
    copy.lockHolder = lockHolder;
    return copy;
  }

  /** For how long the session lives from now on without a request. */
  long ttlMs() {
    if (deadlineMs.isEmpty()) return maxInactiveMs;
    return Math.max(1, Math.min(maxInactiveMs, deadlineMs.getAsLong() - System.currentTimeMillis()));
  }

  /** null: nobody is logged in. */
  String owner() {
    return context.ownerOf(principal);
  }

  /** Whose list is to learn that the session lives longer than it thought; null where it knows, or there is none. */
  String ownerToTell() {
    if (principal == null) return null;
    boolean isNews = isTouchDue || maxInactiveMs > storedInactiveMs;
    return isNews || context.listings.isDue(key, maxInactiveMs) ? owner() : null;
  }

  boolean isIntervalNew() {
    return maxInactiveMs != storedInactiveMs;
  }

  /** The store holds exactly this, under this id. Throws {@code FORMAT}, and is as before then. */
  void adopt(String nextId, Map<String, byte[]> fields) {
    adopt(nextId, fields, RecordMeta.read(fields).at(System.currentTimeMillis()), null);
  }

  private void adopt(String nextId, Map<String, byte[]> fields, RecordMeta meta, ParsedRecord parsed) {
    if (meta.state() != RecordMeta.State.ALIVE) {
      life = Life.DEAD;
      return;
    }
    String nextKey = nextId.equals(id) ? key : SessionId.hash(nextId);
    attributes.rebase(fields, nextKey, parsed);
    life = Life.ALIVE;
    id = nextId;
    key = nextKey;
    createdAtMs = meta.createdAtMs();
    deadlineMs = meta.deadlineMs();
    if (!isIntervalNew()) maxInactiveMs = meta.maxInactiveMs();
    storedInactiveMs = meta.maxInactiveMs();
    version = meta.version();
    principal = meta.principal().orElse(null);
  }

  /** As it was loaded for a request, by an answer to what was asked at {@code askedAtMs}. */
  void adoptLoaded(Stored stored, long askedAtMs) {
    adopt(id, stored.fields(), stored.meta(), stored.parsed());
    if (life != Life.ALIVE) {
      boolean isFresh = stored.ttlMs() > SessionStore.TOMBSTONE_TTL_MS - ANSWER_MS;
      wasReplacedLately = isFresh && RecordMeta.isReplaced(stored.fields());
      return;
    }
    isNew = false;
    isTouchDue = stored.ttlMs() < ttlMs() - maxInactiveMs * TOUCH_AFTER;
    lastUsedAtMs = askedAtMs - Math.max(0, ttlMs() - stored.ttlMs());
  }

  /** The store took this change, as this version. */
  void wrote(long next, List<AttributeChange> changes, Change change) {
    attributes.settle(changes, change, version < next);
    wroteVersion(next);
    if (change.set().containsKey("@m")) storedInactiveMs = 1000 * Long.parseLong(new String(change.set().get("@m")));
    isTouchDue = false;
  }

  void wroteVersion(long next) {
    // Had others written meanwhile, there would be values that nothing is known of here.
    if (next == version + 1) version = next;
    writtenVersion = Math.max(writtenVersion, next);
  }

  /** Meta fields that go along with a change of attributes. */
  Map<String, byte[]> intervalField() {
    Map<String, byte[]> meta = new LinkedHashMap<>();
    if (isIntervalNew()) meta.put("@m", RecordMeta.interval(maxInactiveMs));
    return meta;
  }

  CommitOptions commitOptions() {
    String owner = ownerToTell();
    return owner == null && lockHolder == null ? CommitOptions.NONE : new CommitOptions(owner, lockHolder);
  }
}
