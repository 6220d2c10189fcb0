package baton.tomcat;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jakarta.servlet.http.HttpSessionActivationListener;
import jakarta.servlet.http.HttpSessionEvent;

/**
 * Attributes that want to know when they come to a node and when they leave it: a value is told that it is active when the
 * application first reads it, and that it will be passive before the session is written, after which it is active again as
 * soon as it is read.
 */
final class ActiveValues {
  private final TomcatSession session;
  private final Map<String, HttpSessionActivationListener> active = new ConcurrentHashMap<>();

  ActiveValues(TomcatSession session) {
    this.session = session;
  }

  /** The application assigns it, and so it is active; null removes. */
  void put(String name, Object value) {
    if (value instanceof HttpSessionActivationListener) active.put(name, (HttpSessionActivationListener) value);
    else active.remove(name);
  }

  /** The application reads it. */
  void got(String name, Object value) {
    if (!(value instanceof HttpSessionActivationListener)) return;
    HttpSessionActivationListener listener = (HttpSessionActivationListener) value;
    if (active.put(name, listener) != listener) tell(() -> listener.sessionDidActivate(event()));
  }

  /** The session is about to be written. */
  void passivate() {
    active.forEach(
        (name, listener) -> {
          if (active.remove(name, listener)) tell(() -> listener.sessionWillPassivate(event()));
        });
  }

  /** What goes wrong in an attribute is no reason not to write the session. */
  private void tell(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException error) {
      session.listenerFailed(error);
    }
  }

  private HttpSessionEvent event() {
    return new HttpSessionEvent(session.getSession());
  }
}
