package baton.tomcat.session;

import baton.tomcat.format.Envelope;
import baton.tomcat.format.SessionException;
import baton.tomcat.session.SessionRecord.Life;
import baton.tomcat.store.Change;
import baton.tomcat.store.Stored;
import baton.tomcat.store.Updated;
import baton.tomcat.store.Wanted;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.UnaryOperator;

/** Changes of one attribute that are atomic across requests and nodes. */
final class SingleAttribute {
  private final Context context;
  private final SessionState state;
  private final SessionSteps steps;

  SingleAttribute(Context context, SessionState state, SessionSteps steps) {
    this.context = context;
    this.state = state;
    this.steps = steps;
  }

  Object update(String name, UnaryOperator<Object> change) {
    commitPending(name);
    if (state.life == Life.NEW) return updateFirst(name, change);
    Patience patience = new Patience(name);
    while (true) {
      if (state.life != Life.ALIVE) throw SessionSteps.gone("updated");
      // A copy of its own: the application may alter what it is given, and may be asked again.
      Object next = change.apply(current(name));
      switch (replace(name, next).outcome()) {
        case DONE:
          return next;
        case DEAD:
          throw SessionSteps.gone("updated");
        default:
          patience.next();
      }
    }
  }

  Object consume(String name) {
    commitPending(name);
    // A near cache may not know yet what another request has put there.
    if (context.mayBeStale && state.life == Life.ALIVE && !isStored(name)) refresh();
    Patience patience = new Patience(name);
    while (state.life == Life.ALIVE && isStored(name)) {
      Object value = current(name);
      switch (replace(name, null).outcome()) {
        case DONE:
          return value;
        case DEAD:
          return null;
        default:
          patience.next();
      }
    }
    return null;
  }

  private void refresh() {
    Stored stored = context.store.load(state.key, Wanted.FRESH);
    synchronized (state) {
      if (stored == null) state.life = Life.DEAD;
      else state.adopt(state.id, stored.fields());
    }
  }

  private Object updateFirst(String name, UnaryOperator<Object> change) {
    Object next = change.apply(null);
    if (next == null) return null;
    synchronized (state) {
      state.attributes.set(name, next);
    }
    steps.commit();
    return next;
  }

  /** One try, from the value that is known here. */
  private Updated replace(String name, Object next) {
    String field = "." + name;
    String etag;
    byte[] value;
    long ttlMs;
    synchronized (state) {
      etag = Envelope.etag(state.attributes.stored(name));
      value = next == null ? null : state.attributes.sealedValue(name, next);
      Change change = value == null ? new Change(Map.of(), Set.of(field)) : new Change(Map.of(field, value), Set.of());
      SizeCheck.check(context.limits, state.attributes.base(), change);
      ttlMs = state.ttlMs();
    }
    Updated updated = context.store.update(state.key, field, etag, value, ttlMs);
    synchronized (state) {
      switch (updated.outcome()) {
        case DONE:
          state.attributes.refresh(name, value);
          state.wroteVersion(updated.version());
          state.isTouchDue = false;
          state.isListLate = true;
          break;
        case CONFLICT:
          state.attributes.refresh(name, updated.value());
          break;
        default:
          state.life = Life.DEAD;
      }
    }
    return updated;
  }

  private void commitPending(String name) {
    boolean isPending = false;
    synchronized (state) {
      for (AttributeChange change : state.attributes.changes()) isPending |= change.name.equals(name);
    }
    if (isPending) steps.commit();
  }

  private Object current(String name) {
    synchronized (state) {
      return state.attributes.copy(name);
    }
  }

  private boolean isStored(String name) {
    synchronized (state) {
      return state.attributes.stored(name) != null;
    }
  }

  /** Only other processes cause a retry: requests of this one take turns. */
  private final class Patience {
    private final String name;
    private final long untilNs = System.nanoTime() + context.commitMs * 1_000_000;
    private int tries;

    Patience(String name) {
      this.name = name;
    }

    void next() {
      tries += 1;
      if (System.nanoTime() > untilNs) {
        throw new SessionException(
            SessionException.Code.CONFLICT, "\"" + name + "\" was changed by others all the time; try again");
      }
      Pause.ms(ThreadLocalRandom.current().nextInt(Math.min(tries, 10) + 1));
    }
  }
}
