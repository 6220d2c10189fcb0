package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import org.junit.jupiter.api.Test;

/** How a client's session is told, by cookie or by URL. */
class SessionTrackingTest extends Nodes {
  @Override
  protected Application application() {
    return new Application()
        .on("/begin", (request, response) -> {
          request.getSession().setAttribute("one", "1");
          response.getWriter().print(response.encodeURL("/look") + " " + response.encodeRedirectURL("/look"));
        })
        .on("/links", (request, response) -> {
          request.getSession();
          response.getWriter().print(response.encodeURL("/look") + " " + response.encodeURL("http://elsewhere.example/"));
        })
        .on("/no-session", (request, response) -> response.getWriter().print(response.encodeURL("/look")))
        .on("/look", (request, response) -> {
          String source = request.isRequestedSessionIdFromCookie() ? "cookie" : "no cookie";
          source += request.isRequestedSessionIdFromURL() ? " url" : "";
          Object one = request.getSession(false) == null ? "none" : request.getSession(false).getAttribute("one");
          response.getWriter().print(source + " " + request.isRequestedSessionIdValid() + " " + one);
        });
  }

  @Test
  void aLinkHasTheIdUntilTheCookieIsKnownToWork() throws Exception {
    String id = ";jsessionid=";
    String links = browser.read(a, "/begin");
    assertEquals("/look" + id + browser.session() + " /look" + id + browser.session(), links);
    assertEquals("/look http://elsewhere.example/", browser.read(b, "/links"));
    assertEquals("/look", new Browser().read(a, "/no-session"));
  }

  @Test
  void aSessionIsFoundByUrlOnAnotherNode() throws Exception {
    browser.read(a, "/begin");
    Browser withoutCookies = new Browser();
    assertEquals("no cookie url true 1", withoutCookies.read(b, "/look;jsessionid=" + browser.session()));
    assertEquals("cookie true 1", browser.read(b, "/look"));
    assertEquals("no cookie false none", new Browser().read(b, "/look"));
  }

  @Test
  void aRouteInTheIdIsNoPartOfIt() throws Exception {
    browser.read(a, "/begin");
    browser.session(browser.session() + ".another-node");
    assertEquals("cookie true 1", browser.read(b, "/look"));
    assertTrue(browser.session().endsWith(".another-node"));
  }
}
