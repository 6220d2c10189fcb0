package baton.tomcat;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import jakarta.servlet.http.HttpSessionActivationListener;
import jakarta.servlet.http.HttpSessionEvent;

/**
 * Attributes that want to know when they come to a node and when they leave it: a value is told that it is active when the
 * application first reads it, and that it will be passive before the session is written, after which it is active again as
 * soon as it is read.
 */
final class ActiveValues {
  private final Map<String, HttpSessionActivationListener> active = new ConcurrentHashMap<>();

  /** The application assigns it, and so it is active; null removes. */
  void put(String name, Object value) {
    if (value instanceof HttpSessionActivationListener) active.put(name, (HttpSessionActivationListener) value);
    else active.remove(name);
  }

  /** The application reads it, of this session. */
  void got(String name, Object value, TomcatSession session) {
    if (!(value instanceof HttpSessionActivationListener)) return;
    HttpSessionActivationListener listener = (HttpSessionActivationListener) value;
    if (active.put(name, listener) != listener) tell(session, listener::sessionDidActivate);
  }

  /** The session is about to be written. */
  void passivate(TomcatSession session) {
    active.forEach(
        (name, listener) -> {
          if (active.remove(name, listener)) tell(session, listener::sessionWillPassivate);
        });
  }

  /** What goes wrong in an attribute is no reason not to write the session. */
  private static void tell(TomcatSession session, Consumer<HttpSessionEvent> step) {
    try {
      step.accept(new HttpSessionEvent(session.getSession()));
    } catch (RuntimeException error) {
      session.listenerFailed(error);
    }
  }
}
