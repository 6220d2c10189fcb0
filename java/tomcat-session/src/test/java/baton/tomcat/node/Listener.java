package baton.tomcat.node;

import jakarta.servlet.http.HttpSession;
import jakarta.servlet.http.HttpSessionActivationListener;
import jakarta.servlet.http.HttpSessionAttributeListener;
import jakarta.servlet.http.HttpSessionBindingEvent;
import jakarta.servlet.http.HttpSessionBindingListener;
import jakarta.servlet.http.HttpSessionEvent;
import jakarta.servlet.http.HttpSessionIdListener;
import jakarta.servlet.http.HttpSessionListener;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Writes down what a node tells of its sessions. */
public final class Listener implements HttpSessionListener, HttpSessionAttributeListener, HttpSessionIdListener {
  /** What attributes of all nodes were told. */
  public static final Listener VALUES = new Listener();

  private final List<String> told = Collections.synchronizedList(new ArrayList<>());

  /** What was told since the last time. */
  public List<String> take() {
    List<String> taken = List.copyOf(told);
    told.clear();
    return taken;
  }

  @Override
  public void sessionCreated(HttpSessionEvent event) {
    told.add("created");
  }

  @Override
  public void sessionDestroyed(HttpSessionEvent event) {
    HttpSession session = event.getSession();
    StringBuilder attributes = new StringBuilder();
    for (String name : Collections.list(session.getAttributeNames())) {
      attributes.append(' ').append(name).append('=').append(session.getAttribute(name));
    }
    told.add("destroyed with" + attributes);
  }

  @Override
  public void sessionIdChanged(HttpSessionEvent event, String before) {
    told.add("id of " + before + " is " + event.getSession().getId());
  }

  @Override
  public void attributeAdded(HttpSessionBindingEvent event) {
    told.add("added " + event.getName() + "=" + event.getValue());
  }

  @Override
  public void attributeRemoved(HttpSessionBindingEvent event) {
    told.add("removed " + event.getName() + "=" + event.getValue());
  }

  @Override
  public void attributeReplaced(HttpSessionBindingEvent event) {
    told.add("replaced " + event.getName() + "=" + event.getValue());
  }

  /** An attribute that listens to what becomes of it. */
  public static final class Value implements Serializable, HttpSessionBindingListener, HttpSessionActivationListener {
    private static final long serialVersionUID = 1L;

    private boolean wasPassive;

    @Override
    public void valueBound(HttpSessionBindingEvent event) {
      VALUES.told.add("bound");
    }

    @Override
    public void valueUnbound(HttpSessionBindingEvent event) {
      VALUES.told.add("unbound");
    }

    @Override
    public void sessionWillPassivate(HttpSessionEvent event) {
      wasPassive = true;
      VALUES.told.add("passive");
    }

    @Override
    public void sessionDidActivate(HttpSessionEvent event) {
      VALUES.told.add("active");
    }

    @Override
    public String toString() {
      return wasPassive ? "value, once passive" : "value";
    }
  }
}
