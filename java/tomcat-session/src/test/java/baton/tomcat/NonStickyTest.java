package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Sessions that come to another node with each request, while nodes come and go. */
class NonStickyTest extends Nodes {
  @Override
  protected Application application() {
    return new Application()
        .on("/write", (request, response) -> {
          request.getSession().setAttribute(request.getParameter("key"), request.getParameter("value"));
        })
        .on("/read", (request, response) -> {
          response.getWriter().print(request.getSession().getAttribute(request.getParameter("key")));
        })
        .on("/recreate", (request, response) -> {
          request.getSession().invalidate();
          request.getSession().setAttribute("key", request.getParameter("value"));
        })
        .on("/interval", (request, response) -> response.getWriter().print(request.getSession().getMaxInactiveInterval()));
  }

  @Test
  void eachNodeReadsWhatTheOneBeforeHasWritten() throws Exception {
    try (TomcatNode c = TomcatNode.start(redis, application())) {
      TomcatNode[] nodes = {a, b, c};
      for (int n = 0; n < 30; n += 1) {
        browser.read(nodes[n % 3], "/write?key=k" + n % 4 + "&value=" + n);
        assertEquals("" + n, browser.read(nodes[(n + 1) % 3], "/read?key=k" + n % 4));
      }
    }
  }

  @Test
  void aNodeThatComesLaterKnowsTheSession() throws Exception {
    browser.read(a, "/write?key=key&value=early");
    try (TomcatNode c = TomcatNode.start(redis, application())) {
      assertEquals("early", browser.read(c, "/read?key=key"));
      browser.read(c, "/write?key=key&value=late");
    }
    assertEquals("late", browser.read(b, "/read?key=key"));
  }

  @Test
  void aSessionThatIsMadeAnewHasNothingOfTheOld() throws Exception {
    browser.read(a, "/write?key=other&value=1");
    String before = browser.session();
    browser.read(b, "/recreate?value=2");
    assertNotEquals(before, browser.session());
    assertEquals("2", browser.read(a, "/read?key=key"));
    assertEquals("null", browser.read(a, "/read?key=other"));
  }

  @Test
  void aSessionThatIsOnlyReadLivesOn() throws Exception {
    try (TomcatNode c = TomcatNode.start(redis, application(), node -> node.manager().setMaxInactiveInterval(10))) {
      browser.read(c, "/write?key=key&value=1");
      // A read gives it all its time again, once a twentieth is over.
      while (leftMs() > 9_400) Thread.sleep(20);
      long endedByMs = leftMs() + System.currentTimeMillis();
      assertEquals("1", browser.read(b, "/read?key=key"));
      boolean isProlonged = false;
      while (!isProlonged) {
        // Whatever time the question takes.
        long askedAtMs = System.currentTimeMillis();
        long leftMs = leftMs();
        assertTrue(leftMs > 0, "it has ended");
        isProlonged = askedAtMs + leftMs > endedByMs;
      }
    }
  }

  private long leftMs() throws Exception {
    return Long.parseLong(redis.cli("PTTL", "app:s:" + SessionId.hash(browser.session())).get(0));
  }

  @Test
  void aSessionWithoutATimeoutIsKeptForEver() throws Exception {
    for (boolean isManagers : new boolean[] {true, false}) {
      try (TomcatNode c =
          TomcatNode.start(
              redis,
              application(),
              node -> {
                if (isManagers) node.manager().setMaxInactiveInterval(-1);
                else node.context().setSessionTimeout(-1);
              })) {
        browser = new Browser();
        browser.read(c, "/write?key=key&value=1");
        assertEquals("-1", browser.read(b, "/interval"));
        assertEquals("1", browser.read(c, "/read?key=key"));
      }
    }
  }

  @Test
  void nodesAreQuickToForgetWhatNoRequestUses() throws Exception {
    browser.read(a, "/write?key=key&value=1");
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (a.manager().getActiveSessions() > 0 && System.nanoTime() < until) Thread.sleep(10);
    assertTrue(a.manager().getActiveSessions() == 0);
  }
}
