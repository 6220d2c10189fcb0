package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.session.SessionRecord;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * The attributes of a session as Tomcat's own session class keeps them, with a record behind it: what is not asked for is
 * not decoded. A value that cannot be read here reads as null, is listed, and stays as it is.
 */
final class AttributeMap extends AbstractMap<String, Object> implements ConcurrentMap<String, Object> {
  private final TomcatSession session;
  private final SessionRecord record;
  private final ActiveValues active;
  /** What is for this node only. */
  private final Map<String, Object> local = new ConcurrentHashMap<>();
  private final Set<String> reported = ConcurrentHashMap.newKeySet();

  AttributeMap(TomcatSession session, SessionRecord record, ActiveValues active) {
    this.session = session;
    this.record = record;
    this.active = active;
  }

  @Override
  public Object get(Object name) {
    session.used();
    Object value = local.get(name);
    return value == null ? stored((String) name) : value;
  }

  /** Gives the value before, as listeners are to be told of it. */
  @Override
  public Object put(String name, Object value) {
    Object before = get(name);
    if (session.isLocal(name, value)) {
      record.remove(name);
      local.put(name, value);
    } else {
      local.remove(name);
      record.set(name, value);
    }
    active.put(name, value);
    session.changed();
    return before;
  }

  @Override
  public Object remove(Object name) {
    Object before = get(name);
    local.remove(name);
    record.remove((String) name);
    active.put((String) name, null);
    session.changed();
    return before;
  }

  @Override
  public boolean containsKey(Object name) {
    return local.containsKey(name) || record.has((String) name);
  }

  @Override
  public Set<String> keySet() {
    Set<String> names = new LinkedHashSet<>(record.names());
    names.addAll(local.keySet());
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
  public synchronized Object putIfAbsent(String name, Object value) {
    Object before = get(name);
    if (before == null) put(name, value);
    return before;
  }

  @Override
  public synchronized boolean remove(Object name, Object value) {
    if (!Objects.equals(get(name), value)) return false;
    remove(name);
    return true;
  }

  @Override
  public synchronized boolean replace(String name, Object before, Object after) {
    if (!Objects.equals(get(name), before)) return false;
    put(name, after);
    return true;
  }

  @Override
  public synchronized Object replace(String name, Object value) {
    return containsKey(name) ? put(name, value) : null;
  }

  private Object stored(String name) {
    try {
      Object value = record.get(name);
      active.got(name, value);
      return value;
    } catch (SessionException unreadable) {
      if (reported.add(name)) session.unreadable(unreadable);
      return null;
    }
  }
}
