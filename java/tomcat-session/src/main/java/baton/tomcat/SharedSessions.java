package baton.tomcat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The sessions that requests of this JVM use at this moment, by id. One that the store does not have is in nobody's way. */
final class SharedSessions {
  private final Map<String, SharedSession> byId = new ConcurrentHashMap<>();

  /** null: nobody uses it here. */
  SharedSession find(String id) {
    return byId.get(id);
  }

  /** Others of the same id may use it as well. false: there is another of this id already, or it is forgotten. */
  boolean share(SharedSession shared, TomcatSession session) {
    if (!shared.use(session)) {
      forget(shared);
      return false;
    }
    SharedSession other = byId.putIfAbsent(shared.record().id(), shared);
    return other == null || other == shared;
  }

  void leave(SharedSession shared, TomcatSession session) {
    if (shared.release(session)) forget(shared);
  }

  /** Whoever comes from now on asks the store. */
  void forget(SharedSession shared) {
    byId.remove(shared.record().id(), shared);
  }

  int size() {
    return byId.size();
  }

  /** One of each id. */
  List<TomcatSession> list() {
    List<TomcatSession> list = new ArrayList<>();
    for (SharedSession shared : byId.values()) {
      TomcatSession one = shared.anyUser();
      if (one != null) list.add(one);
    }
    return list;
  }

  void clear() {
    byId.clear();
  }
}
