package baton.tomcat.session;

import static baton.tomcat.format.Fixtures.list;
import static baton.tomcat.format.Fixtures.map;
import static baton.tomcat.format.Fixtures.meant;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord.Life;
import baton.tomcat.store.SessionStore;
import baton.tomcat.store.Wanted;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Runs the steps of one fixture as one request of an application would. */
final class OperationPlayer {
  private final Map<String, Object> operation;
  private final Consumer<Map<String, Object>> put;
  private final Sessions sessions;
  private final String sentId;
  private final List<Object[]> given = new ArrayList<>();
  private int dropped;
  /** null: the id that the request came with stands for nothing. */
  private SessionRecord session;
  private boolean hasEnded;
  private boolean isRefused;
  private String newId;

  OperationPlayer(
      Map<String, Object> fixtures,
      Map<String, Object> operation,
      SessionStore store,
      Consumer<Map<String, Object>> put) {
    this.operation = operation;
    this.put = put;
    sentId = (String) fixtures.get("id");
    long absolute = operation.containsKey("absoluteTimeout") ? number(operation.get("absoluteTimeout")) : 0;
    sessions =
        Sessions.open(
            new SessionOptions()
                .store(store)
                .namespace((String) fixtures.get("namespace"))
                .userSecret((String) fixtures.get("userSecret"))
                .maxInactiveMs(1000 * number(fixtures.get("maxInactiveInterval")))
                .absoluteMs(1000 * absolute)
                .onDropped(error -> dropped += 1));
  }

  void play() {
    session = sessions.load(sentId, Wanted.NORMAL);
    isRefused = session == null && !map(operation.get("before")).isEmpty() && isRecord();
    for (Object step : list(operation.get("do"))) {
      Map<String, Object> what = map(step);
      Object outcome;
      try {
        outcome = run(what);
      } catch (SessionException error) {
        if (!what.containsKey("rejects")) throw error;
        outcome = error.code().word();
      }
      if (what.containsKey("gives")) given.add(new Object[] {outcome, meant(what.get("gives"), null)});
      if (what.containsKey("rejects")) given.add(new Object[] {outcome, what.get("rejects")});
    }
    if (session != null) session.commit();
    if (session != null && session.life() == Life.ALIVE && !session.id().equals(sentId)) newId = session.id();
  }

  /** What steps gave, beside what they were to give. */
  List<Object[]> given() {
    return given;
  }

  int dropped() {
    return dropped;
  }

  String cookie() {
    return newId != null ? "new" : hasEnded ? "cleared" : "none";
  }

  String newId() {
    return newId;
  }

  static List<String> texts(List<?> replies) {
    List<String> texts = new ArrayList<>();
    for (Object reply : replies) texts.add(new String((byte[]) reply, StandardCharsets.UTF_8));
    return texts;
  }

  private Object run(Map<String, Object> step) {
    if (step.containsKey("destroyAllOf")) return sessions.destroyAllOf((String) step.get("destroyAllOf"), null);
    if (step.containsKey("meanwhile")) put.accept(map(step.get("meanwhile")));
    else if (step.containsKey("read")) return session == null ? null : session.get((String) step.get("read"));
    else if (step.containsKey("set")) set((String) step.get("set"), step.get("value"));
    else if (step.containsKey("setIn")) {
      List<Object> path = list(step.get("setIn"));
      map(begun().get((String) path.get(0))).put((String) path.get(1), step.get("value"));
    } else if (step.containsKey("remove")) begun().remove((String) step.get("remove"));
    else if (step.containsKey("update")) return update((String) step.get("update"), number(step.get("add")));
    else if (step.containsKey("consume")) return begun().consume((String) step.get("consume"));
    else if (step.containsKey("login")) login(step);
    else if (step.containsKey("regenerate")) begun().renewId(sessions.newId());
    else if (step.containsKey("destroy")) hasEnded = begun().destroy();
    else if (step.containsKey("maxInactiveInterval")) begun().setMaxInactiveMs(1000 * number(step.get("maxInactiveInterval")));
    else if (step.containsKey("lock")) begun().lock(number(step.get("lock")), number(step.getOrDefault("waitMs", 500)));
    else if (step.containsKey("end")) {
      session.commit();
      session.unlock();
    }
    return null;
  }

  /** In Java the type is the application's: it assigns one that the fixture's outcome has. */
  private void set(String name, Object value) {
    if (isRefused) {
      // Its id had ended: nothing is assigned under it, which the other implementation reports as dropped.
      dropped += 1;
      return;
    }
    begun().set(name, meant(value, tagAfter(name)));
  }

  private Object update(String name, long add) {
    Object updated =
        begun()
            .update(
                name,
                current -> {
                  if (current instanceof Long) return (Long) current + add;
                  return (int) ((current == null ? 0 : (Integer) current) + add);
                });
    return updated instanceof Long ? (Object) ((Long) updated).intValue() : updated;
  }

  private void login(Map<String, Object> step) {
    List<String> roles = new ArrayList<>();
    for (Object role : list(step.get("roles"))) roles.add((String) role);
    String authType = (String) step.get("authType");
    begun().login(new StoredPrincipal((String) step.get("login"), roles, authType), sessions.newId());
  }

  private SessionRecord begun() {
    if (session == null) session = sessions.make(sessions.newId());
    return session;
  }

  private boolean isRecord() {
    for (String key : map(operation.get("before")).keySet()) if (key.contains(":s:")) return true;
    return false;
  }

  private String tagAfter(String name) {
    for (Object entry : map(operation.get("after")).values()) {
      Object fields = map(entry).get("fields");
      Object value = fields == null ? null : map(fields).get("." + name);
      if (value instanceof Map) return (String) map(value).get("written");
      if (value instanceof String) return String.valueOf((char) Integer.parseInt(((String) value).substring(0, 2), 16));
    }
    return null;
  }

  private static long number(Object value) {
    return ((Number) value).longValue();
  }
}
