package baton.tomcat;

import baton.tomcat.format.SessionException;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentMap;

/**
 * The attributes of a session as Tomcat's own session class keeps them, with a record behind it: what is not asked for is
 * not decoded. A value that cannot be read here reads as null, is listed, and stays as it is.
 */
final class AttributeMap extends AbstractMap<String, Object> implements ConcurrentMap<String, Object> {
  private final TomcatSession session;
  /** Names of what was there when the session ended. */
  private final Set<Object> unbound = new HashSet<>(0);

  AttributeMap(TomcatSession session) {
    this.session = session;
  }

  @Override
  public Object get(Object name) {
    session.used();
    Object value = shared().local().get(name);
    return value == null ? stored((String) name) : value;
  }

  /** Gives the value before, as listeners are to be told of it: of each value once, however many requests replace it. */
  @Override
  public Object put(String name, Object value) {
    boolean isLocal = session.isLocal(name, value);
    SharedSession shared = shared();
    // What is decoded for this, and told that it is active, is so without a lock.
    get(name);
    Object before;
    synchronized (shared.local()) {
      before = get(name);
      if (isLocal) {
        shared.record().remove(name);
        shared.local().put(name, value);
      } else {
        shared.local().remove(name);
        shared.record().set(name, value);
      }
      shared.active().put(name, value);
    }
    session.changed();
    return before;
  }

  @Override
  public Object remove(Object name) {
    SharedSession shared = shared();
    get(name);
    Object before;
    synchronized (shared.local()) {
      before = get(name);
      // One that is ended has its values unbound, each once, and others may still read what it had.
      if (!session.isValid()) return unbound.add(name) ? before : null;
      shared.local().remove(name);
      shared.record().remove((String) name);
      shared.active().put((String) name, null);
    }
    session.changed();
    return before;
  }

  @Override
  public boolean containsKey(Object name) {
    return shared().local().containsKey(name) || shared().record().has((String) name);
  }

  @Override
  public Set<String> keySet() {
    Set<String> names = new LinkedHashSet<>(shared().record().names());
    names.addAll(shared().local().keySet());
    return Collections.unmodifiableSet(names);
  }

  @Override
  public void clear() {
    new ArrayList<>(keySet()).forEach(this::remove);
  }

  @Override
  public Set<Entry<String, Object>> entrySet() {
    Set<String> names = keySet();
    return new AbstractSet<>() {
      @Override
      public Iterator<Entry<String, Object>> iterator() {
        return names.stream().map(name -> (Entry<String, Object>) new SimpleEntry<>(name, get(name))).iterator();
      }

      @Override
      public int size() {
        return names.size();
      }
    };
  }

  @Override
  public Object putIfAbsent(String name, Object value) {
    synchronized (shared().local()) {
      Object before = get(name);
      if (before == null) put(name, value);
      return before;
    }
  }

  @Override
  public boolean remove(Object name, Object value) {
    synchronized (shared().local()) {
      if (!Objects.equals(get(name), value)) return false;
      remove(name);
      return true;
    }
  }

  @Override
  public boolean replace(String name, Object before, Object after) {
    synchronized (shared().local()) {
      if (!Objects.equals(get(name), before)) return false;
      put(name, after);
      return true;
    }
  }

  @Override
  public Object replace(String name, Object value) {
    synchronized (shared().local()) {
      return containsKey(name) ? put(name, value) : null;
    }
  }

  private SharedSession shared() {
    return session.shared();
  }

  private Object stored(String name) {
    SharedSession shared = shared();
    try {
      Object value = shared.record().get(name);
      shared.active().got(name, value, session);
      return value;
    } catch (SessionException unreadable) {
      if (shared.isNews(name)) session.unreadable(unreadable);
      return null;
    }
  }
}
