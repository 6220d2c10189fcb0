package baton.tomcat.session;

import baton.tomcat.format.RecordMeta;
import baton.tomcat.format.SessionException;
import baton.tomcat.format.SessionId;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.store.Locked;
import baton.tomcat.store.Stored;
import baton.tomcat.store.Wanted;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** A session over a store: its state, and the steps that change it one after the other. */
final class RecordSession implements SessionRecord {
  /** How often a load that was overtaken by a write of this JVM is made again. */
  private static final int LOADS = 5;

  private final Context context;
  private final SessionState state;
  private final SessionSteps steps;
  private final SingleAttribute single;
  private final ReentrantLock turn = new ReentrantLock(true);

  RecordSession(Context context, SessionState state) {
    this.context = context;
    this.state = state;
    steps = new SessionSteps(context, state);
    single = new SingleAttribute(context, state, steps);
  }

  @Override
  public String id() {
    return state.id;
  }

  @Override
  public String key() {
    return state.key;
  }

  @Override
  public Life life() {
    return state.life;
  }

  @Override
  public boolean wasReplacedLately() {
    return look(() -> state.wasReplacedLately);
  }

  @Override
  public boolean isNew() {
    return look(() -> state.isNew);
  }

  @Override
  public long createdAtMs() {
    return look(() -> state.createdAtMs);
  }

  @Override
  public long lastUsedAtMs() {
    return look(() -> state.lastUsedAtMs);
  }

  @Override
  public long maxInactiveMs() {
    return look(() -> state.maxInactiveMs);
  }

  @Override
  public void setMaxInactiveMs(long maxInactiveMs) {
    synchronized (state) {
      state.maxInactiveMs = 1000 * Math.max(1, (maxInactiveMs + 999) / 1000);
    }
  }

  @Override
  public long version() {
    return look(() -> state.version);
  }

  @Override
  public OptionalLong writtenVersion() {
    return look(() -> state.writtenVersion == 0 ? OptionalLong.empty() : OptionalLong.of(state.writtenVersion));
  }

  @Override
  public Optional<StoredPrincipal> principal() {
    return look(() -> Optional.ofNullable(state.principal));
  }

  @Override
  public boolean has(String name) {
    return look(() -> state.attributes.has(name));
  }

  @Override
  public Set<String> names() {
    return look(state.attributes::names);
  }

  @Override
  public Object get(String name) {
    return look(() -> state.attributes.get(name));
  }

  @Override
  public void set(String name, Object value) {
    synchronized (state) {
      state.attributes.set(name, value);
    }
  }

  @Override
  public void remove(String name) {
    synchronized (state) {
      state.attributes.remove(name);
    }
  }

  @Override
  public byte[] note(String name) {
    return look(() -> state.attributes.note(name));
  }

  @Override
  public void setNote(String name, byte[] value) {
    synchronized (state) {
      state.attributes.setNote(name, value);
    }
  }

  @Override
  public boolean isChanged() {
    return look(
        () -> state.isIntervalNew() || state.attributes.isNoted() || !state.attributes.changes().isEmpty());
  }

  @Override
  public void forgetChanges() {
    synchronized (state) {
      state.attributes.forgetChanges();
      state.maxInactiveMs = state.storedInactiveMs;
    }
  }

  @Override
  public boolean refresh(Wanted wanted) {
    // This JVM has seen that much: no cache takes it back.
    Wanted want = wanted.atLeast(look(() -> Math.max(wanted.least(), Math.max(state.version, state.writtenVersion))));
    for (int loads = 1; ; loads += 1) {
      String key = look(() -> state.life == Life.ALIVE ? state.key : null);
      if (key == null) return false;
      long askedAtMs = System.currentTimeMillis();
      Stored stored = context.store.load(key, want);
      synchronized (state) {
        if (state.life != Life.ALIVE) return false;
        if (!key.equals(state.key)) continue;
        if (stored == null) {
          state.life = Life.DEAD;
          return false;
        }
        boolean isOvertaken = isOlder(stored) && loads < LOADS;
        if (!isOvertaken) {
          if (!isOlder(stored)) state.adoptLoaded(stored, askedAtMs);
          return state.life == Life.ALIVE;
        }
      }
      want = Wanted.FRESH;
    }
  }

  @Override
  public void commit() {
    inTurn(
        () -> {
          steps.commit();
          return null;
        });
  }

  @Override
  public void begin() {
    inTurn(
        () -> {
          if (state.life == Life.NEW) steps.begin(null, state.id);
          else steps.commit();
          return null;
        });
  }

  @Override
  public void login(StoredPrincipal principal, String newId) {
    if (principal.name().isEmpty()) {
      throw new SessionException(SessionException.Code.VALUE, "a login needs the name of a user");
    }
    inTurn(
        () -> {
          steps.login(principal, newId);
          return null;
        });
  }

  @Override
  public void logout() {
    inTurn(
        () -> {
          steps.logout();
          return null;
        });
  }

  @Override
  public void renewId(String newId) {
    inTurn(
        () -> {
          steps.renewId(newId);
          return null;
        });
  }

  @Override
  public SessionRecord loginApart(StoredPrincipal principal, String newId) {
    return apart(next -> next.login(principal, newId));
  }

  @Override
  public SessionRecord renewIdApart(String newId) {
    return apart(next -> next.renewId(newId));
  }

  private SessionRecord apart(Consumer<SessionRecord> step) {
    return inTurn(
        () -> {
          if (state.life == Life.NEW) {
            step.accept(this);
            return this;
          }
          List<AttributeChange> changes;
          SessionState copy;
          synchronized (state) {
            changes = state.attributes.changes();
            copy = state.copy(changes);
          }
          RecordSession next = new RecordSession(context, copy);
          try {
            step.accept(next);
          } catch (SessionException error) {
            if (copy.life == Life.DEAD) state.life = Life.DEAD;
            throw error;
          }
          synchronized (state) {
            state.life = Life.DEAD;
            state.lockHolder = null;
            state.attributes.settle(changes, state.attributes.sealed(changes, state.key, Map.of()), true);
          }
          return next;
        });
  }

  @Override
  public void drop() {
    inTurn(
        () -> {
          steps.drop();
          return null;
        });
  }

  @Override
  public boolean destroy() {
    return inTurn(
        () -> {
          boolean hasEnded = state.life == Life.ALIVE && context.store.destroy(state.key, state.owner());
          synchronized (state) {
            state.life = Life.DEAD;
          }
          return hasEnded;
        });
  }

  @Override
  public Object update(String name, UnaryOperator<Object> change) {
    return inTurn(() -> single.update(name, change));
  }

  @Override
  public Object consume(String name) {
    return inTurn(() -> single.consume(name));
  }

  @Override
  public void lock(long leaseMs, long waitMs) {
    long untilNs = System.nanoTime() + waitMs * 1_000_000;
    while (!inTurn(() -> takeLock(leaseMs))) {
      if (System.nanoTime() > untilNs) {
        throw new SessionException(
            SessionException.Code.LOCKED,
            "another request has had the session's lock for longer than " + waitMs + " ms; try again");
      }
      Pause.ms(5 + ThreadLocalRandom.current().nextInt(20));
    }
  }

  @Override
  public void unlock() {
    inTurn(
        () -> {
          String holder = state.lockHolder;
          state.lockHolder = null;
          if (holder != null) context.store.unlock(state.key, holder);
          return null;
        });
  }

  /** First 8 characters of the hash, as everywhere in logs. */
  @Override
  public String toString() {
    return "session " + key().substring(0, 8);
  }

  private boolean takeLock(long leaseMs) {
    steps.commit();
    // Nobody else can know a session that is not in the store.
    if (state.life == Life.NEW) return true;
    if (state.life == Life.DEAD) throw SessionSteps.gone("locked");
    String holder = state.lockHolder == null ? SessionId.make() : state.lockHolder;
    Locked locked = context.store.lock(state.key, holder, leaseMs);
    synchronized (state) {
      if (locked.outcome() == Locked.Outcome.TAKEN) return false;
      if (locked.outcome() == Locked.Outcome.DEAD) state.life = Life.DEAD;
      if (state.life == Life.DEAD) throw SessionSteps.gone("locked");
      state.lockHolder = holder;
      state.adopt(state.id, locked.stored().fields());
      return true;
    }
  }

  /** Whether it was read before something that was written here meanwhile. */
  private boolean isOlder(Stored stored) {
    boolean isDead = stored.fields().containsKey("@x");
    return !isDead && RecordMeta.versionOf(stored.fields()) < state.writtenVersion;
  }

  private <T> T look(Supplier<T> read) {
    synchronized (state) {
      return read.get();
    }
  }

  private <T> T inTurn(Supplier<T> step) {
    turn.lock();
    try {
      return step.get();
    } finally {
      turn.unlock();
    }
  }
}
