package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

/** BASIC authentication, with requests that come to one node after the other. */
class BasicLoginTest extends Nodes {
  @Override
  protected Application application() {
    return new Application()
        .on("/account/me", (request, response) -> {
          response.getWriter().print(
              request.getRemoteUser() + " " + request.getAuthType() + " " + request.isUserInRole("buyer")
                  + " " + request.isUserInRole("admin"));
        })
        .on("/set", (request, response) -> request.getSession().setAttribute("cart", "full"))
        .on("/get", (request, response) -> response.getWriter().print(request.getSession().getAttribute("cart")))
        .on("/logout", (request, response) -> request.logout());
  }

  @Override
  protected void configure(TomcatNode node) {
    node.askForCredentials();
  }

  private void assertAsked(TomcatNode node) throws Exception {
    HttpResponse<String> response = browser.get(node, "/account/me");
    assertEquals(401, response.statusCode());
    assertTrue(response.headers().firstValue("WWW-Authenticate").orElse("").startsWith("Basic "));
  }

  @Test
  void whoHasLoggedInOnOneNodeIsKnownOnTheOtherUntilTheLogout() throws Exception {
    browser.read(a, "/set");
    String before = browser.session();
    assertAsked(b);
    browser.credentials("anna", "secret");
    assertEquals("anna BASIC true false", browser.read(b, "/account/me"));
    assertNotEquals(before, browser.session());
    assertEquals("full", browser.read(a, "/get"));
    String record = String.join("\n", redis.cli("HGETALL", "app:s:" + SessionId.hash(browser.session())));
    assertTrue(record.contains("BASIC"), record);
    assertFalse(record.contains("secret"));
    // It is the session that is logged in, as on a single Tomcat.
    browser.forgetCredentials();
    assertEquals("anna BASIC true false", browser.read(a, "/account/me"));
    assertEquals("anna BASIC true false", browser.read(b, "/account/me"));
    browser.read(b, "/logout");
    assertAsked(a);
    assertAsked(b);
    assertEquals("full", browser.read(a, "/get"));
  }

  @Test
  void withoutASessionEachRequestIsAskedAndNoSessionBegins() throws Exception {
    assertAsked(a);
    browser.credentials("anna", "wrong");
    assertAsked(b);
    browser.credentials("anna", "secret");
    for (TomcatNode node : new TomcatNode[] {a, b}) {
      assertEquals("anna BASIC true false", browser.read(node, "/account/me"));
    }
    assertNull(browser.session());
  }
}
