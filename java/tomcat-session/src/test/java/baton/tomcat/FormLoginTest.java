package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/** FORM authentication, each step of which may come to another node. */
class FormLoginTest extends Nodes {
  @Override
  protected Application application() {
    return new Application()
        .on("/login", (request, response) -> response.getWriter().print("please log in"))
        .on("/login-failed", (request, response) -> response.getWriter().print("no"))
        .on("/account/me", (request, response) -> {
          response.getWriter().print(
              request.getRemoteUser() + " " + request.getAuthType() + " " + request.isUserInRole("buyer")
                  + " " + request.isUserInRole("admin") + " " + request.getMethod() + " " + request.getParameter("q"));
        })
        .on("/who", (request, response) -> response.getWriter().print(request.getRemoteUser()))
        .on("/set", (request, response) -> request.getSession().setAttribute("cart", "full"))
        .on("/get", (request, response) -> response.getWriter().print(request.getSession().getAttribute("cart")))
        .on("/logout", (request, response) -> {
          request.logout();
          response.getWriter().print(request.getRemoteUser());
        })
        .on("/programmatic", (request, response) -> {
          request.login(request.getParameter("user"), "secret");
          response.getWriter().print(request.getRemoteUser());
        });
  }

  @Override
  protected void configure(TomcatNode node) {
    node.askForLogin();
  }

  private HttpResponse<String> logIn(TomcatNode first, TomcatNode second) throws Exception {
    assertEquals("please log in", browser.read(first, "/account/me?q=1"));
    return browser.post(second, "/j_security_check", "j_username=anna&j_password=secret");
  }

  private String key() {
    return "app:s:" + SessionId.hash(SessionId.ofCookie(browser.session()));
  }

  @Test
  void eachStepOfALoginMayComeToAnotherNode() throws Exception {
    HttpResponse<String> response = logIn(a, b);
    assertEquals(303, response.statusCode());
    assertEquals("/account/me?q=1", response.headers().firstValue("Location").orElseThrow());
    assertEquals("anna FORM true false GET 1", browser.read(a, "/account/me?q=1"));
    assertEquals("anna FORM true false GET 1", browser.read(b, "/account/me?q=1"));
    assertEquals("anna", browser.read(b, "/who"));
  }

  @Test
  void aRequestThatHadABodyIsDoneAfterTheLoginOnWhateverNode() throws Exception {
    assertEquals("please log in", browser.post(a, "/account/me", "q=posted").body());
    assertEquals(303, browser.post(b, "/j_security_check", "j_username=anna&j_password=secret").statusCode());
    assertEquals("anna FORM true false POST posted", browser.read(a, "/account/me"));
  }

  @Test
  void aLoginGivesANewIdAndKeepsTheCart() throws Exception {
    browser.read(a, "/set");
    String before = browser.session();
    logIn(b, a);
    assertNotEquals(before, browser.session());
    assertEquals("full", browser.read(b, "/get"));
    Browser old = new Browser();
    old.session(before);
    assertEquals("null", old.read(a, "/who"));
  }

  @Test
  void theStoreHoldsNoIdAndNoCredentials() throws Exception {
    browser.read(a, "/set");
    String before = browser.session();
    browser.read(a, "/account/me?q=1");
    String during = browser.session();
    String record = String.join("\n", redis.cli("HGETALL", key()));
    assertFalse(record.contains(before));
    assertFalse(record.contains(during));
    browser.post(b, "/j_security_check", "j_username=anna&j_password=secret");
    record = String.join("\n", redis.cli("HGETALL", key()));
    assertFalse(record.contains("secret"));
    assertEquals(List.of("anna"), redis.cli("HGET", key(), "@p"));
    assertEquals(List.of("[\"buyer\"]"), redis.cli("HGET", key(), "@r"));
    assertEquals(List.of("FORM"), redis.cli("HGET", key(), "@t"));
  }

  @RepeatedTest(50)
  void notesOfALoginAreGoneWhenItIsDone() throws Exception {
    logIn(a, b);
    browser.read(a, "/account/me?q=1");
    assertTrue(redis.cli("HKEYS", key()).stream().noneMatch(field -> field.startsWith("@j.")));
    // The short interval of the time before the login is over.
    assertEquals(List.of("1800"), redis.cli("HGET", key(), "@m"));
  }

  @Test
  void aWrongPasswordLogsNobodyIn() throws Exception {
    browser.read(a, "/account/me");
    assertEquals("no", browser.post(b, "/j_security_check", "j_username=anna&j_password=wrong").body());
    assertEquals("null", browser.read(a, "/who"));
  }

  @Test
  void aLogoutThatKeepsTheSessionHoldsOnAllNodes() throws Exception {
    browser.read(a, "/set");
    logIn(a, b);
    assertEquals("null", browser.read(b, "/logout"));
    assertEquals("null", browser.read(a, "/who"));
    assertEquals("full", browser.read(a, "/get"));
  }

  @Test
  void aLoginByTheServletApiIsOneOnAllNodes() throws Exception {
    browser.read(a, "/set");
    String before = browser.session();
    browser.read(a, "/programmatic?user=ben");
    assertNotEquals(before, browser.session());
    assertEquals("ben", browser.read(b, "/who"));
    assertEquals("full", browser.read(b, "/get"));
  }

  @Test
  void whoIsLoggedOutEverywhereIsSoOnAllNodes() throws Exception {
    logIn(a, b);
    Browser phone = browser;
    browser = new Browser();
    logIn(b, a);
    assertTrue(a.manager().logOutEverywhere("anna") >= 2);
    assertEquals("null", browser.read(b, "/who"));
    assertEquals("null", phone.read(a, "/who"));
  }
}
