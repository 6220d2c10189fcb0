package baton.tomcat.session;

import baton.tomcat.format.RecordMeta;
import baton.tomcat.format.SessionException;
import baton.tomcat.format.SessionId;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord.Life;
import baton.tomcat.store.Change;
import baton.tomcat.store.CommitOptions;
import baton.tomcat.store.Rotated;
import baton.tomcat.store.Rotation;
import baton.tomcat.store.Stored;
import baton.tomcat.store.Wanted;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/** The steps of the protocol that write whole sessions. Whoever calls them sees to it that they take turns. */
final class SessionSteps {
  private final Context context;
  private final SessionState state;

  SessionSteps(Context context, SessionState state) {
    this.context = context;
    this.state = state;
  }

  void commit() {
    List<AttributeChange> changes;
    Change change;
    CommitOptions options;
    String key;
    long ttlMs;
    synchronized (state) {
      changes = state.attributes.changes();
      if (changes.isEmpty() && !state.attributes.isNoted() && !state.isIntervalNew()) {
        touchIfDue();
        return;
      }
      if (state.life == Life.DEAD) {
        drop(changes);
        return;
      }
      key = state.key;
      if (state.life == Life.ALIVE) {
        change = checked(state.attributes.sealed(changes, key, state.intervalField()));
      } else {
        change = null;
      }
      options = state.commitOptions();
      ttlMs = state.ttlMs();
    }
    if (change == null) {
      if (!changes.isEmpty() || state.attributes.isNoted()) begin(null, state.id);
      return;
    }
    OptionalLong version = context.store.commit(key, change, ttlMs, options);
    synchronized (state) {
      if (version.isPresent()) {
        if (options.owner() != null) told(key);
        state.wrote(version.getAsLong(), changes, change);
        return;
      }
      state.life = Life.DEAD;
      drop(changes);
    }
  }

  /** Writes a session that the store does not have, with all that was assigned. {@code principal}: null for nobody. */
  void begin(StoredPrincipal principal, String newId) {
    String key = SessionId.hash(newId);
    long nowMs = System.currentTimeMillis();
    List<AttributeChange> changes;
    Change change;
    long ttlMs;
    Map<String, byte[]> fields;
    synchronized (state) {
      if (state.life == Life.DEAD) {
        state.attributes.leaveBehind(key);
        state.deadlineMs = OptionalLong.empty();
      }
      // What the application has been told already, if it is this session's first beginning.
      long createdAtMs = state.life == Life.NEW ? state.createdAtMs : nowMs;
      fields = RecordMeta.begin(createdAtMs, state.maxInactiveMs, context.absoluteMs);
      if (principal != null) fields.putAll(RecordMeta.fieldsOf(principal));
      changes = state.attributes.changes();
      change = checked(state.attributes.sealed(changes, key, Map.of()));
      fields.putAll(change.set());
      ttlMs = context.absoluteMs > 0 ? Math.min(state.maxInactiveMs, context.absoluteMs) : state.maxInactiveMs;
    }
    String owner = context.ownerOf(principal);
    if (!context.store.create(key, fields, ttlMs, owner)) {
      throw new SessionException(SessionException.Code.UNAVAILABLE, "a new session id was taken already; try again");
    }
    synchronized (state) {
      state.attributes.settle(changes, change, true);
      state.adopt(newId, fields);
      if (owner != null) told(key);
      state.writtenVersion = 1;
      state.isNew = true;
      state.lastUsedAtMs = nowMs;
      state.isTouchDue = false;
    }
  }

  /** Nobody is logged in any more; attributes and the id stay, and what was changed is written. */
  void logout() {
    String owner = state.owner();
    if (state.life != Life.ALIVE || owner == null) {
      commit();
      return;
    }
    List<AttributeChange> changes;
    Change change;
    String key = state.key;
    long ttlMs;
    synchronized (state) {
      changes = state.attributes.changes();
      Change own = checked(state.attributes.sealed(changes, key, state.intervalField()));
      Set<String> remove = new LinkedHashSet<>(own.remove());
      remove.addAll(RecordMeta.LOGIN_FIELDS);
      change = new Change(own.set(), remove);
      ttlMs = state.ttlMs();
    }
    OptionalLong version = context.store.commit(key, change, ttlMs, new CommitOptions(null, state.lockHolder));
    synchronized (state) {
      if (version.isEmpty()) {
        state.life = Life.DEAD;
        drop(changes);
        return;
      }
      state.principal = null;
      state.wrote(version.getAsLong(), changes, change);
    }
    // A log-out-everywhere is no business of it any more.
    context.store.unlist(key, owner);
  }

  void login(StoredPrincipal principal, String newId) {
    Map<String, byte[]> meta = new LinkedHashMap<>(RecordMeta.fieldsOf(principal));
    // Who logs in has the whole time.
    if (context.absoluteMs > 0) meta.put("@A", RecordMeta.digits(System.currentTimeMillis() + context.absoluteMs));
    Set<String> remove = principal.authType() == null ? Set.of("@t") : Set.of();
    StoredPrincipal before = state.principal;
    boolean keepAttributes = before == null || before.name().equals(principal.name());
    boolean isMoved =
        state.life == Life.ALIVE && move(newId, new Move(meta, remove, context.ownerOf(principal), keepAttributes));
    if (!isMoved) begin(principal, newId);
  }

  void renewId(String newId) {
    synchronized (state) {
      if (state.life == Life.NEW) {
        // Nobody else knows it yet, and nothing is bound to it.
        state.id = newId;
        state.key = SessionId.hash(newId);
        state.attributes.rebase(Map.of(), state.key, null);
        return;
      }
    }
    boolean isMoved = state.life == Life.ALIVE && move(newId, new Move(Map.of(), Set.of(), state.owner(), true));
    if (!isMoved) throw gone("given a new id");
  }

  static SessionException gone(String what) {
    return new SessionException(
        SessionException.Code.GONE, "the session had ended when it was to be " + what + "; have the user log in again");
  }

  /** Moves the session, and what changed, to a new id. false: it had ended. */
  private boolean move(String newId, Move move) {
    String to = SessionId.hash(newId);
    long untilNs = System.nanoTime() + context.commitMs * 1_000_000;
    boolean isResealing = context.cipher.isEncrypting() && move.keepAttributes;
    Map<String, byte[]> fields;
    synchronized (state) {
      fields = state.attributes.base();
    }
    while (true) {
      List<AttributeChange> changes;
      Change own;
      Rotation rotation;
      long ttlMs;
      synchronized (state) {
        changes = move.keepAttributes ? state.attributes.changes() : List.of();
        own =
            move.keepAttributes
                ? checked(state.attributes.sealed(changes, to, state.intervalField()))
                : new Change(state.intervalField(), Set.of());
        rotation = rotationOf(to, move, own, isResealing ? fields : null);
        ttlMs = state.ttlMs();
      }
      Rotated rotated = rotate(rotation, ttlMs);
      if (rotated.outcome() == Rotated.Outcome.DEAD) {
        state.life = Life.DEAD;
        return false;
      }
      if (rotated.outcome() == Rotated.Outcome.DONE) {
        moved(newId, move, changes, own, rotated.fields());
        return true;
      }
      if (System.nanoTime() > untilNs) {
        throw new SessionException(
            SessionException.Code.CONFLICT, "the session was changed by others all the time; try again");
      }
      Stored stored = context.store.load(rotation.from(), Wanted.FRESH);
      if (stored == null) {
        state.life = Life.DEAD;
        return false;
      }
      fields = stored.fields();
    }
  }

  private Rotated rotate(Rotation rotation, long ttlMs) {
    try {
      return context.store.rotate(rotation, ttlMs);
    } catch (SessionException error) {
      // Logged out everywhere in between: the old id is gone, and so is the new one.
      if (error.code() == SessionException.Code.GONE) state.life = Life.DEAD;
      throw error;
    }
  }

  /** {@code sealedAnew}: all fields, where encrypted values are bound to the key; what cannot be read moves as it is. */
  private Rotation rotationOf(String to, Move move, Change own, Map<String, byte[]> sealedAnew) {
    Map<String, byte[]> set = new LinkedHashMap<>();
    if (sealedAnew != null) set.putAll(state.attributes.resealed(sealedAnew, to));
    set.keySet().removeAll(own.remove());
    set.putAll(own.set());
    set.putAll(move.meta);
    Set<String> remove = new LinkedHashSet<>(own.remove());
    remove.addAll(move.remove);
    OptionalLong ifVersion =
        sealedAnew == null ? OptionalLong.empty() : OptionalLong.of(RecordMeta.versionOf(sealedAnew));
    return new Rotation(state.key, to, new Change(set, remove), move.keepAttributes, move.owner, ifVersion);
  }

  private void moved(
      String newId, Move move, List<AttributeChange> changes, Change own, Map<String, byte[]> fields) {
    synchronized (state) {
      if (move.keepAttributes) state.attributes.settle(changes, own, true);
      else state.attributes.reset(fields, SessionId.hash(newId));
      state.storedInactiveMs = state.maxInactiveMs;
      state.adopt(newId, fields);
      if (move.owner != null) told(state.key);
      state.writtenVersion = state.version;
      state.isTouchDue = false;
    }
  }

  private void touchIfDue() {
    if (state.life != Life.ALIVE) return;
    if (!state.isTouchDue && !(state.isListLate && state.ownerToTell() != null)) return;
    state.isTouchDue = false;
    String key = state.key;
    if (!context.touching.add(key)) return;
    told(key);
    context
        .store
        .touch(key, state.ttlMs(), state.owner())
        .whenComplete(
            (done, error) -> {
              context.touching.remove(key);
              if (error instanceof RuntimeException) context.onError.accept((RuntimeException) error);
            });
  }

  private void told(String key) {
    context.listings.renewed(key);
    state.isListLate = false;
  }

  private Change checked(Change change) {
    SizeCheck.check(context.limits, state.attributes.base(), change);
    return change;
  }

  void drop() {
    synchronized (state) {
      drop(state.attributes.changes());
    }
  }

  private void drop(List<AttributeChange> changes) {
    state.attributes.settle(changes, state.attributes.sealed(changes, state.key, Map.of()), true);
    state.storedInactiveMs = state.maxInactiveMs;
    if (changes.isEmpty()) return;
    StringBuilder names = new StringBuilder();
    for (AttributeChange change : changes) names.append(names.length() == 0 ? "\"" : ", \"").append(change.name).append('"');
    context.onDropped.accept(
        new SessionException(
            SessionException.Code.GONE, "dropped what was assigned to " + names + ": the session had ended meanwhile"));
  }

  /** What goes along with a new id. */
  private static final class Move {
    private final Map<String, byte[]> meta;
    /** Meta fields that go. */
    private final Set<String> remove;
    /** null: nobody is logged in. */
    private final String owner;
    /** false: what was changed and not written stays behind as well. */
    private final boolean keepAttributes;

    Move(Map<String, byte[]> meta, Set<String> remove, String owner, boolean keepAttributes) {
      this.meta = meta;
      this.remove = remove;
      this.owner = owner;
      this.keepAttributes = keepAttributes;
    }
  }
}
