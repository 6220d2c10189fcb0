package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Listener;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who is told of what, and on which node. */
class SessionListenerTest extends Nodes {
  private final Listener onA = new Listener();
  private final Listener onB = new Listener();

  @Override
  protected Application application() {
    return new Application()
        .on("/begin", (request, response) -> request.getSession())
        .on("/set", (request, response) -> {
          request.getSession().setAttribute("one", request.getParameter("value"));
        })
        .on("/remove", (request, response) -> request.getSession().removeAttribute("one"))
        .on("/bind", (request, response) -> request.getSession().setAttribute("bound", new Listener.Value()))
        .on("/read", (request, response) -> response.getWriter().print(request.getSession().getAttribute("bound")))
        .on("/read-twice", (request, response) -> {
          request.getSession().getAttribute("bound");
          request.getSession().getAttribute("bound");
        })
        .on("/unbind", (request, response) -> request.getSession().removeAttribute("bound"))
        .on("/replace", (request, response) -> request.getSession().setAttribute("bound", "other"))
        .on("/change-id", (request, response) -> request.changeSessionId())
        .on("/invalidate", (request, response) -> request.getSession().invalidate());
  }

  @Override
  protected void configure(TomcatNode node) {
    node.manager().setStoreEmptySessions(true);
    Listener listener = a == null ? onA : onB;
    node.onStart(context -> context.addListener(listener));
  }

  @BeforeEach
  void forget() {
    onA.take();
    onB.take();
    Listener.VALUES.take();
  }

  @Test
  void theNodeThatBeginsOrEndsASessionTells() throws Exception {
    browser.read(a, "/begin");
    assertEquals(List.of("created"), onA.take());
    browser.read(b, "/set?value=1");
    browser.read(a, "/set?value=2");
    assertEquals(List.of("added one=1"), onB.take());
    assertEquals(List.of("replaced one=1"), onA.take());
    browser.read(b, "/invalidate");
    // The session can still be read while its end is told.
    assertEquals(List.of("destroyed with one=2", "removed one=2"), onB.take());
    assertEquals(List.of(), onA.take());
  }

  @Test
  void attributesAreToldOfWithTheValueThatAnotherNodeHasSet() throws Exception {
    browser.read(a, "/set?value=1");
    browser.read(b, "/remove");
    browser.read(b, "/remove");
    assertEquals(List.of("removed one=1"), onB.take());
  }

  @Test
  void aNewIdIsToldOfWhereItIsGiven() throws Exception {
    browser.read(a, "/begin");
    String before = browser.session();
    browser.read(b, "/change-id");
    assertEquals(List.of("id of " + before + " is " + browser.session()), onB.take());
  }

  @Test
  void aValueIsToldThatItIsBoundAndUnbound() throws Exception {
    browser.read(a, "/bind");
    assertEquals(List.of("bound", "passive"), Listener.VALUES.take());
    browser.read(b, "/unbind");
    assertEquals(List.of("active", "unbound"), Listener.VALUES.take());
    browser.read(a, "/bind");
    browser.read(b, "/replace");
    assertTrue(Listener.VALUES.take().contains("unbound"));
  }

  @Test
  void aValueIsToldThatItIsUnboundWhenItsSessionEndsOnAnotherNode() throws Exception {
    browser.read(a, "/bind");
    Listener.VALUES.take();
    browser.read(b, "/invalidate");
    assertEquals(List.of("active", "unbound"), Listener.VALUES.take());
  }

  @Test
  void aValueIsToldWhenItComesToANodeAndWhenItLeaves() throws Exception {
    browser.read(a, "/bind");
    Listener.VALUES.take();
    // It had been told that it would leave before it was written.
    assertEquals("value, once passive", browser.read(b, "/read"));
    assertEquals(List.of("active", "passive"), Listener.VALUES.take());
    browser.read(b, "/read-twice");
    assertEquals(List.of("active", "passive"), Listener.VALUES.take());
    browser.read(a, "/set?value=1");
    assertEquals(List.of(), Listener.VALUES.take());
  }
}
