package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpSession;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What the Servlet specification promises of a session, which one request begins and the next finds on another node. */
class ServletSessionTest extends Nodes {
  private volatile Consumer<HttpServletRequest> step;

  @Override
  protected Application application() {
    return new Application().on("/step", (request, response) -> step.accept(request));
  }

  /** What the specification asks for, and is not the default. */
  @Override
  protected void configure(TomcatNode node) {
    node.manager().setStoreEmptySessions(true);
  }

  /** Assertions within the application: an error of theirs is a 500. */
  private void onA(Consumer<HttpServletRequest> step) throws Exception {
    this.step = step;
    browser.read(a, "/step");
  }

  private void onB(Consumer<HttpServletRequest> step) throws Exception {
    this.step = step;
    browser.read(b, "/step");
  }

  @Test
  void aSessionIsNewUntilItsClientHasComeBackWithIt() throws Exception {
    onA(request -> {
      assertNull(request.getSession(false));
      HttpSession session = request.getSession();
      assertTrue(session.isNew());
      assertSame(session, request.getSession(true));
      assertSame(session, request.getSession(false));
      assertTrue(session.isNew());
    });
    onB(request -> assertFalse(request.getSession().isNew()));
    onA(request -> assertFalse(request.getSession(false).isNew()));
  }

  @Test
  void aSessionKnowsItsContextAndItsId() throws Exception {
    onA(request -> {
      assertSame(request.getServletContext(), request.getSession().getServletContext());
      assertNotNull(request.getSession().getId());
    });
    onB(request -> assertEquals(browser.session(), request.getSession().getId()));
  }

  @Test
  void allNodesKnowWhenASessionBegan() throws Exception {
    long before = System.currentTimeMillis();
    long[] created = new long[1];
    onA(request -> created[0] = request.getSession().getCreationTime());
    assertTrue(created[0] >= before && created[0] <= System.currentTimeMillis());
    onB(request -> assertEquals(created[0], request.getSession().getCreationTime()));
  }

  @Test
  void theTimeOfTheLastAccessIsThatOfAnEarlierRequest() throws Exception {
    onA(request -> {
      HttpSession session = request.getSession();
      assertTrue(session.getLastAccessedTime() <= System.currentTimeMillis());
      long time = session.getLastAccessedTime();
      session.setAttribute("name", "value");
      session.getAttribute("name");
      assertEquals(time, session.getLastAccessedTime());
    });
    long between = System.currentTimeMillis();
    onB(request -> {
      HttpSession session = request.getSession();
      assertTrue(session.getLastAccessedTime() >= session.getCreationTime());
      // Redis counts whole milliseconds.
      assertTrue(session.getLastAccessedTime() <= between + 2);
    });
  }

  @Test
  void attributesAreListedReplacedAndRemoved() throws Exception {
    onA(request -> {
      HttpSession session = request.getSession();
      session.setAttribute("one", "1");
      session.setAttribute("one", "uno");
      session.setAttribute("two", "2");
      session.removeAttribute("never there");
      assertNull(session.getAttribute("never there"));
      assertNull(session.getAttribute(null));
      assertEquals(Set.of("one", "two"), Set.copyOf(Collections.list(session.getAttributeNames())));
    });
    onB(request -> {
      HttpSession session = request.getSession();
      assertEquals(Set.of("one", "two"), Set.copyOf(Collections.list(session.getAttributeNames())));
      assertEquals("uno", session.getAttribute("one"));
      session.removeAttribute("one");
      assertNull(session.getAttribute("one"));
    });
    onA(request -> assertEquals(List.of("two"), Collections.list(request.getSession().getAttributeNames())));
  }

  @Test
  void anAttributeThatIsSetToNullIsRemoved() throws Exception {
    onA(request -> request.getSession().setAttribute("one", "1"));
    onB(request -> {
      request.getSession().setAttribute("one", null);
      request.getSession().setAttribute("never there", null);
      assertNull(request.getSession().getAttribute("one"));
      assertThrows(IllegalArgumentException.class, () -> request.getSession().setAttribute(null, "value"));
    });
    onA(request -> assertFalse(request.getSession().getAttributeNames().hasMoreElements()));
  }

  @Test
  void anAttributeMayHaveAnyName() throws Exception {
    List<String> names = List.of("", " ", ".", "@c", "@j.x", "grün", "a\nb", "\u0000");
    onA(request -> names.forEach(name -> request.getSession().setAttribute(name, "of " + name)));
    onB(request -> names.forEach(name -> assertEquals("of " + name, request.getSession().getAttribute(name))));
  }

  @Test
  void afterItsEndASessionKnowsItsIdAndNothingElse() throws Exception {
    onA(request -> request.getSession().setAttribute("one", "1"));
    onB(request -> {
      HttpSession session = request.getSession();
      String id = session.getId();
      session.invalidate();
      assertEquals(id, session.getId());
      List<Runnable> steps =
          List.of(
              session::getCreationTime,
              session::getLastAccessedTime,
              session::getAttributeNames,
              () -> session.getAttribute("one"),
              () -> session.setAttribute("one", "2"),
              () -> session.removeAttribute("one"),
              session::isNew,
              session::invalidate);
      for (Runnable each : steps) assertThrows(IllegalStateException.class, each::run);
      assertNull(request.getSession(false));
    });
    onA(request -> assertNull(request.getSession(false)));
  }

  @Test
  void anIntervalHoldsFromTheRequestThatSetsIt() throws Exception {
    onA(request -> {
      request.getSession().setMaxInactiveInterval(500_000);
      assertEquals(500_000, request.getSession().getMaxInactiveInterval());
    });
    onB(request -> {
      assertEquals(500_000, request.getSession().getMaxInactiveInterval());
      // More than what a relative time of 32 bits, or a month, can hold in other stores.
      request.getSession().setMaxInactiveInterval(100_000_000);
    });
    onA(request -> assertEquals(100_000_000, request.getSession().getMaxInactiveInterval()));
    onA(request -> request.getSession().setMaxInactiveInterval(0));
    onB(request -> assertTrue(request.getSession().getMaxInactiveInterval() <= 0, "0 is for ever, too"));
  }

  @Test
  void aNewIdIsTheSessionsOnAllNodes() throws Exception {
    onA(request -> {
      assertThrows(IllegalStateException.class, request::changeSessionId);
      request.getSession().setAttribute("one", "1");
    });
    String before = browser.session();
    onB(request -> {
      HttpSession session = request.getSession();
      String id = request.changeSessionId();
      assertNotEquals(before, id);
      assertEquals(id, session.getId());
      assertSame(session, request.getSession());
      assertEquals("1", session.getAttribute("one"));
    });
    onA(request -> {
      assertEquals(browser.session(), request.getRequestedSessionId());
      assertNotEquals(before, request.getSession().getId());
      assertEquals("1", request.getSession().getAttribute("one"));
    });
  }
}
