package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.http.HttpSession;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.tomcat.util.descriptor.web.ErrorPage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests by an id that ends, or has ended, while others of the same JVM go on. */
class EndedIdTest extends Nodes {
  private final ExecutorService pool = Executors.newCachedThreadPool();
  private volatile CountDownLatch arrived = new CountDownLatch(0);
  private volatile CountDownLatch goOn = new CountDownLatch(0);

  @Override
  protected Application application() {
    return new Application()
        .on("/set", (request, response) -> request.getSession().setAttribute(request.getParameter("name"), "set"))
        .on("/remove", (request, response) -> {
          HttpSession session = request.getSession();
          assertNull(session.getAttribute(request.getParameter("name")));
          session.setAttribute(request.getParameter("name"), null);
          session.setAttribute("other", "set");
        })
        .on("/list", (request, response) -> request.getSession().setAttribute("list", new ArrayList<>(List.of("one"))))
        .on("/print-list", (request, response) -> response.getWriter().print(listIn(request.getSession())))
        .on("/show", (request, response) -> {
          HttpSession session = request.getSession(false);
          response.getWriter().print(request.getRemoteUser() + " " + (session == null ? "none" : shown(session)));
        })
        .on("/wait-and-set", (request, response) -> {
          HttpSession session = request.getSession();
          await();
          String name = request.getParameter("name");
          session.setAttribute(name == null ? "late" : name, "late");
          response.getWriter().print(request.getRemoteUser() + " " + (session == request.getSession()));
        })
        .on("/wait-and-add", (request, response) -> {
          List<Object> list = listIn(request.getSession());
          await();
          list.add("late");
        })
        .on("/unsaved-and-wait", (request, response) -> {
          request.getSession().setAttribute("unsaved", "seen");
          await();
        })
        .on("/log-in", (request, response) -> {
          HttpSession session = request.getSession();
          request.login("anna", "secret");
          session.setAttribute("after", "login");
          response.getWriter().print(session == request.getSession());
        })
        .on("/change-id", (request, response) -> {
          HttpSession session = request.getSession();
          request.changeSessionId();
          session.setAttribute("after", "change");
          response.getWriter().print(session == request.getSession());
        })
        .on("/change-id-flush-and-wait", (request, response) -> {
          request.getSession();
          request.changeSessionId();
          response.getWriter().print("flushed");
          response.flushBuffer();
          await();
          listIn(request.getSession()).add("mine");
        })
        .on("/invalidate", (request, response) -> request.getSession().invalidate())
        .on("/begin-and-end", (request, response) -> {
          request.getSession().invalidate();
          request.getSession().setAttribute("second", "yes");
        })
        .on("/fail", (request, response) -> response.sendError(418))
        .on("/throw", (request, response) -> {
          throw new IllegalStateException("as the test wants it");
        })
        .on("/error-page", (request, response) -> response.getWriter().print(shown(request.getSession())));
  }

  @Override
  protected void configure(TomcatNode node) {
    node.askForLogin();
    node.manager().setLoginAttributes("user, com.example.USER");
    node.manager().setLoginPageAttributes("token,");
    for (int status : new int[] {418, 500, 503}) {
      ErrorPage page = new ErrorPage();
      page.setErrorCode(status);
      page.setLocation("/error-page");
      node.context().addErrorPage(page);
    }
  }

  @AfterAll
  void stopPool() {
    pool.shutdownNow();
  }

  private void await() throws InterruptedException {
    arrived.countDown();
    assertTrue(goOn.await(10, TimeUnit.SECONDS));
  }

  private static List<String> shown(HttpSession session) {
    List<String> names = Collections.list(session.getAttributeNames());
    Collections.sort(names);
    return names;
  }

  @SuppressWarnings("unchecked")
  private static List<Object> listIn(HttpSession session) {
    return (List<Object>) session.getAttribute("list");
  }

  private interface Step {
    void run() throws Exception;
  }

  private static Browser by(String id) {
    Browser other = new Browser();
    other.session(id);
    return other;
  }

  /** A request by the browser's id, which goes on after {@code meanwhile}. */
  private HttpResponse<String> slow(String path, Step meanwhile) throws Exception {
    arrived = new CountDownLatch(1);
    CountDownLatch ownGoOn = new CountDownLatch(1);
    goOn = ownGoOn;
    Browser other = by(browser.session());
    CompletableFuture<HttpResponse<String>> answer = new CompletableFuture<>();
    pool.execute(() -> {
      try {
        answer.complete(other.get(a, path));
      } catch (Exception error) {
        answer.completeExceptionally(error);
      }
    });
    assertTrue(arrived.await(10, TimeUnit.SECONDS));
    try {
      meanwhile.run();
    } finally {
      ownGoOn.countDown();
    }
    return answer.get(10, TimeUnit.SECONDS);
  }

  private static void assertNoCookie(HttpResponse<String> response) {
    assertEquals(List.of(), response.headers().allValues("Set-Cookie"));
  }

  private String endedId() throws Exception {
    browser.read(a, "/set?name=first");
    String id = browser.session();
    browser.read(b, "/invalidate");
    return id;
  }

  /** Of somebody who has logged in a moment ago, and goes on with another. */
  private String replacedId() throws Exception {
    browser = new Browser();
    browser.read(a, "/set?name=first");
    String id = browser.session();
    browser.read(b, "/change-id");
    return id;
  }

  private static String keyOf(String id) {
    return "app:s:" + SessionId.hash(id);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/log-in", "/change-id"})
  void aNewIdIsOnlyOfTheRequestThatHasItMade(String path) throws Exception {
    browser.read(a, "/set?name=first");
    String id = browser.session();
    HttpResponse<String> late =
        slow("/wait-and-set", () -> assertEquals("true", browser.read(a, path)));
    assertEquals(200, late.statusCode());
    assertEquals("null true", late.body());
    assertNoCookie(late);
    assertNotEquals(id, browser.session());
    String user = path.equals("/log-in") ? "anna" : "null";
    assertEquals(user + " [after, first]", browser.read(a, "/show"));
    assertEquals(user + " [after, first]", browser.read(b, "/show"));
    assertEquals("null none", by(id).read(a, "/show"));
    assertEquals("null none", by(id).read(b, "/show"));
  }

  @Test
  void whatOneRequestHasNotWrittenAnotherOfTheSameNodeSees() throws Exception {
    browser.read(a, "/set?name=first");
    slow("/unsaved-and-wait", () -> assertEquals("null [first, unsaved]", browser.read(a, "/show")));
  }

  @Test
  void anObjectThatARequestOfTheOldIdHasIsNoneOfTheNewSession() throws Exception {
    browser.read(a, "/list");
    Browser moved = new Browser();
    HttpResponse<String> late =
        slow("/wait-and-add", () -> {
          CountDownLatch addLate = goOn;
          HttpResponse<String> answer =
              slow("/change-id-flush-and-wait", () -> {
                addLate.countDown();
                // The request of the old id is over before the new session is used again.
                long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
                while (a.manager().getActiveSessions() > 1 && System.nanoTime() < until) Thread.sleep(5);
              });
          moved.session(answer.headers().firstValue("Set-Cookie").orElseThrow().split("[=;]")[1]);
        });
    assertNoCookie(late);
    assertEquals("[one, mine]", moved.read(b, "/print-list"));
    assertEquals("null none", browser.read(a, "/show"));
  }

  @Test
  void aSessionThatIsEndedOnTheSameNodeTakesNoLateWriteAndGivesNoCookie() throws Exception {
    browser.read(a, "/set?name=first");
    String id = browser.session();
    HttpResponse<String> late = slow("/wait-and-set", () -> browser.read(a, "/invalidate"));
    assertEquals(200, late.statusCode());
    assertNoCookie(late);
    assertNull(browser.session());
    assertEquals("null none", by(id).read(a, "/show"));
  }

  @Test
  void whoComesByAnEndedIdGetsASessionOfTheRequestOnly() throws Exception {
    String id = endedId();
    int before = redis.cli("KEYS", "app:s:*").size();
    long dropped = a.manager().getDropped();
    for (String path : new String[] {"/set?name=late", "/begin-and-end"}) {
      HttpResponse<String> response = by(id).get(a, path);
      assertEquals(200, response.statusCode());
      assertNoCookie(response);
    }
    assertEquals(before, redis.cli("KEYS", "app:s:*").size());
    assertEquals(2, a.manager().getDropped() - dropped);
  }

  @Test
  void whoComesByAnUnknownIdGetsANewSession() throws Exception {
    assertEquals(1, by("A".repeat(32)).get(a, "/set?name=new").headers().allValues("Set-Cookie").size());
  }

  @Test
  void whoComesByAnEndedIdMayLogIn() throws Exception {
    Browser late = by(endedId());
    assertEquals("true", late.read(a, "/log-in"));
    assertEquals("anna [after]", late.read(b, "/show"));
  }

  @Test
  void whoComesByAnEndedIdMayLogInByForm() throws Exception {
    Browser late = by(endedId());
    assertEquals(404, late.get(a, "/account/me").statusCode());
    assertEquals(303, late.post(b, "/j_security_check", "j_username=anna&j_password=secret").statusCode());
    assertEquals("anna []", late.read(a, "/show"));
  }

  @Test
  void anApplicationThatChangesTheIdLogsSomebodyIn() throws Exception {
    Browser late = by(endedId());
    assertEquals("true", late.read(a, "/change-id"));
    assertEquals("null [after]", late.read(b, "/show"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SPRING_SECURITY_CONTEXT",
        "org.apache.shiro.subject.support.DefaultSubjectContext_PRINCIPALS_SESSION_KEY",
        "com.example.USER"
      })
  void anApplicationThatSetsAnAttributeOfLoginsLogsSomebodyIn(String name) throws Exception {
    String ended = endedId();
    assertMovedOn(ended, name);
    String replaced = replacedId();
    assertMovedOn(replaced, name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "org.springframework.security.web.csrf.HttpSessionCsrfTokenRepository.CSRF_TOKEN",
        "SPRING_SECURITY_SAVED_REQUEST",
        "token"
      })
  void whatALoginPageNeedsIsKeptButNoAnswerTakesThePlaceOfOneThatMayBeOnItsWay(String name) throws Exception {
    assertMovedOn(endedId(), name);
    String replaced = replacedId();
    assertNoCookie(by(replaced).get(a, "/set?name=" + name));
    assertEquals(1, redis.cli("PEXPIRE", keyOf(replaced), "589000").size());
    assertMovedOn(replaced, name);
  }

  @Test
  void anAttributeOfLoginsThatIsOnlyReadOrRemovedLogsNobodyIn() throws Exception {
    assertNoCookie(by(endedId()).get(a, "/remove?name=SPRING_SECURITY_CONTEXT"));
  }

  @Test
  void aSessionThatIsAliveKeepsItsIdWhenAnAttributeOfLoginsIsSet() throws Exception {
    browser.read(a, "/set?name=first");
    String id = browser.session();
    browser.read(b, "/set?name=SPRING_SECURITY_CONTEXT");
    assertEquals(id, browser.session());
    assertEquals("null [SPRING_SECURITY_CONTEXT, first]", browser.read(a, "/show"));
  }

  @Test
  void aLateWriteOfAnAttributeOfLoginsBringsNoSessionBack() throws Exception {
    browser.read(a, "/set?name=first");
    String id = browser.session();
    HttpResponse<String> late = slow("/wait-and-set?name=user", () -> browser.read(b, "/invalidate"));
    assertNoCookie(late);
    assertEquals("null none", by(id).read(a, "/show"));
  }

  /** The attribute begins a session of its own, under an id that is new, on all nodes. */
  private void assertMovedOn(String ended, String name) throws Exception {
    Browser late = by(ended);
    assertEquals(1, late.get(a, "/set?name=" + name).headers().allValues("Set-Cookie").size());
    assertNotEquals(ended, late.session());
    assertEquals("null [" + name + "]", late.read(b, "/show"));
    assertEquals("null none", by(ended).read(b, "/show"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/fail", "/throw"})
  void anErrorPageThatAsksForASessionLogsNobodyOut(String path) throws Exception {
    HttpResponse<String> late = by(endedId()).get(a, path);
    assertEquals("[]", late.body());
    assertNoCookie(late);
    browser.read(a, "/set?name=alive");
    assertEquals("[alive]", browser.get(b, path).body());
  }
}
