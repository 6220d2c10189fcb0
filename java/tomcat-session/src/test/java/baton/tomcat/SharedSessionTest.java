package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import jakarta.servlet.http.HttpSession;
import org.junit.jupiter.api.Test;

/** Sessions of two Tomcats over one Redis, by HTTP. */
class SharedSessionTest extends Nodes {
  private static final String BIG = "x".repeat(20_000);

  private volatile CountDownLatch arrived = new CountDownLatch(0);
  private volatile CountDownLatch goOn = new CountDownLatch(0);

  @Override
  protected Application application() {
    return new Application()
        .on("/nothing", (request, response) -> response.getWriter().print("nothing"))
        .on("/touch", (request, response) -> response.getWriter().print(request.getSession().isNew()))
        .on("/id", (request, response) -> response.getWriter().print(request.getSession().getId()))
        .on("/set", (request, response) -> {
          request.getSession().setAttribute(request.getParameter("name"), request.getParameter("value"));
        })
        .on("/get", (request, response) -> {
          HttpSession session = request.getSession(false);
          response.getWriter().print(session == null ? "none" : session.getAttribute(request.getParameter("name")));
        })
        .on("/names", (request, response) -> {
          List<String> names = Collections.list(request.getSession().getAttributeNames());
          Collections.sort(names);
          response.getWriter().print(names);
        })
        .on("/remove", (request, response) -> request.getSession().removeAttribute(request.getParameter("name")))
        .on("/types", (request, response) -> setTypes(request.getSession()))
        .on("/show-types", (request, response) -> response.getWriter().print(showTypes(request.getSession())))
        .on("/list", (request, response) -> {
          request.getSession().setAttribute("list", new ArrayList<>(List.of("one")));
        })
        .on("/append", (request, response) -> {
          @SuppressWarnings("unchecked")
          List<String> list = (List<String>) request.getSession().getAttribute("list");
          list.add(request.getParameter("value"));
        })
        .on("/redirect", (request, response) -> {
          request.getSession().setAttribute("from", "redirect");
          response.sendRedirect("/get?name=from");
        })
        .on("/set-after-redirect", (request, response) -> {
          response.sendRedirect("/get?name=late");
          request.getSession().setAttribute("late", "yes");
        })
        .on("/big", (request, response) -> {
          request.getSession().setAttribute("big", "before the first byte");
          response.getWriter().print(BIG);
        })
        .on("/set-after-big", (request, response) -> {
          HttpSession session = request.getSession();
          response.getWriter().print(BIG);
          session.setAttribute("tail", "after the headers");
        })
        .on("/invalidate", (request, response) -> request.getSession().invalidate())
        .on("/invalidate-and-begin", (request, response) -> {
          request.getSession().invalidate();
          request.getSession().setAttribute("fresh", "yes");
        })
        .on("/change-id", (request, response) -> response.getWriter().print(request.changeSessionId()))
        .on("/interval", (request, response) -> {
          request.getSession().setMaxInactiveInterval(Integer.parseInt(request.getParameter("seconds")));
        })
        .on("/show-interval", (request, response) -> {
          response.getWriter().print(request.getSession().getMaxInactiveInterval());
        })
        .on("/slow-set", (request, response) -> {
          HttpSession session = request.getSession();
          arrived.countDown();
          goOn.await(10, TimeUnit.SECONDS);
          session.setAttribute(request.getParameter("name"), request.getParameter("value"));
        })
        .on("/unserialisable", (request, response) -> request.getSession().setAttribute("thread", new Thread()))
        .on("/valid", (request, response) -> {
          response.getWriter().print(request.getRequestedSessionId() + " " + request.isRequestedSessionIdValid());
        });
  }

  private static void setTypes(HttpSession session) {
    session.setAttribute("string", "Grüße");
    session.setAttribute("integer", 7);
    session.setAttribute("long", 8L);
    session.setAttribute("double", 9.5);
    session.setAttribute("boolean", true);
    session.setAttribute("date", new Date(1000));
    session.setAttribute("map", new HashMap<>(Map.of("k", 1)));
    session.setAttribute("java", new StringBuilder("built"));
  }

  private static String showTypes(HttpSession session) {
    List<String> types = new ArrayList<>();
    for (String name : List.of("string", "integer", "long", "double", "boolean", "date", "map", "java")) {
      Object value = session.getAttribute(name);
      types.add(value.getClass().getSimpleName() + "=" + (value instanceof Date ? ((Date) value).getTime() : value));
    }
    return String.join(" ", types);
  }

  private String key() {
    return "app:s:" + SessionId.hash(SessionId.ofCookie(browser.session()));
  }

  @Test
  void anAttributeThatOneNodeSetsIsReadOnTheOther() throws Exception {
    browser.read(a, "/set?name=colour&value=green");
    assertEquals("green", browser.read(b, "/get?name=colour"));
    browser.read(b, "/set?name=colour&value=red");
    assertEquals("red", browser.read(a, "/get?name=colour"));
  }

  @Test
  void aRequestThatAsksForNoSessionGetsNone() throws Exception {
    HttpResponse<String> response = browser.get(a, "/nothing");
    assertTrue(response.headers().firstValue("Set-Cookie").isEmpty());
  }

  @Test
  void theCookieIsAsOnNodesOfNode() throws Exception {
    HttpResponse<String> response = browser.get(a, "/set?name=a&value=b");
    String cookie = response.headers().firstValue("Set-Cookie").orElseThrow();
    assertTrue(cookie.matches("JSESSIONID=[0-9A-Za-z_-]{32}; Path=/; HttpOnly; SameSite=Lax"), cookie);
    assertTrue(browser.get(a, "/get?name=a").headers().firstValue("Set-Cookie").isEmpty());
  }

  @Test
  void anEmptySessionIsNotStored() throws Exception {
    assertEquals("true", browser.read(a, "/touch"));
    assertNull(browser.session());
    browser.read(a, "/set?name=one&value=1");
    assertEquals("false", browser.read(b, "/touch"));
  }

  @Test
  void anIdThatIsNotFoundIsNeverAdopted() throws Exception {
    browser.session("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assertEquals("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA false", browser.read(a, "/valid"));
    assertNotEquals("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", browser.read(a, "/id"));
  }

  @Test
  void valuesKeepTheirTypes() throws Exception {
    browser.read(a, "/types");
    assertEquals(
        "String=Grüße Integer=7 Long=8 Double=9.5 Boolean=true Date=1000 LinkedHashMap={k=1} StringBuilder=built",
        browser.read(b, "/show-types"));
  }

  @Test
  void whatIsChangedInPlaceIsSeen() throws Exception {
    browser.read(a, "/list");
    browser.read(b, "/append?value=two");
    assertEquals("[one, two]", browser.read(a, "/get?name=list"));
  }

  @Test
  void aReadWritesNothing() throws Exception {
    browser.read(a, "/list");
    List<String> before = redis.cli("HGET", key(), "@v");
    browser.read(a, "/get?name=list");
    browser.read(b, "/get?name=list");
    assertEquals(before, redis.cli("HGET", key(), "@v"));
  }

  @Test
  void theTargetOfARedirectSeesWhatWasSet() throws Exception {
    for (int round = 0; round < 20; round += 1) {
      browser = new Browser();
      assertEquals(302, browser.get(a, "/redirect").statusCode());
      assertEquals("redirect", browser.read(b, "/get?name=from"));
    }
    assertEquals(302, browser.get(a, "/set-after-redirect").statusCode());
    assertEquals("yes", browser.read(b, "/get?name=late"));
  }

  @Test
  void aLargeAnswerCommitsBeforeItsBufferOverflows() throws Exception {
    assertEquals(BIG, browser.read(a, "/big"));
    assertEquals("before the first byte", browser.read(b, "/get?name=big"));
    assertEquals(BIG, browser.read(a, "/set-after-big"));
    assertEquals("after the headers", browser.read(b, "/get?name=tail"));
  }

  @Test
  void aRemovedAttributeIsGoneOnAllNodes() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    browser.read(b, "/set?name=two&value=2");
    browser.read(b, "/remove?name=one");
    assertEquals("[two]", browser.read(a, "/names"));
  }

  @Test
  void aSessionThatIsInvalidatedIsGoneOnAllNodes() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    String id = browser.session();
    HttpResponse<String> response = browser.get(b, "/invalidate");
    String cookie = response.headers().firstValue("Set-Cookie").orElse("");
    assertTrue(Browser.isForgotten(cookie), cookie);
    assertNull(browser.session());
    browser.session(id);
    HttpResponse<String> after = browser.get(a, "/get?name=one");
    assertEquals("none", after.body());
    assertTrue(after.headers().firstValue("Set-Cookie").isEmpty());
  }

  @Test
  void anotherSessionMayBeginInTheRequestThatEndsOne() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    String before = browser.session();
    browser.read(b, "/invalidate-and-begin");
    assertNotEquals(before, browser.session());
    assertEquals("[fresh]", browser.read(a, "/names"));
  }

  @Test
  void aLateWriteDoesNotBringASessionBack() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    String id = browser.session();
    arrived = new CountDownLatch(1);
    goOn = new CountDownLatch(1);
    Browser slow = new Browser();
    slow.session(id);
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try {
      Future<HttpResponse<String>> late = pool.submit(() -> slow.get(a, "/slow-set?name=late&value=1"));
      assertTrue(arrived.await(10, TimeUnit.SECONDS));
      browser.read(b, "/invalidate");
      goOn.countDown();
      HttpResponse<String> response = late.get(10, TimeUnit.SECONDS);
      assertEquals(200, response.statusCode());
      assertTrue(response.headers().firstValue("Set-Cookie").isEmpty());
      browser.session(id);
      assertEquals("none", browser.read(a, "/get?name=late"));
      assertEquals("none", browser.read(b, "/get?name=one"));
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void concurrentWritesOfSeveralAttributesLoseNothing() throws Exception {
    browser.read(a, "/set?name=first&value=1");
    String id = browser.session();
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<HttpResponse<String>>> answers = new ArrayList<>();
      for (int n = 0; n < 100; n += 1) {
        String path = "/set?name=n" + n + "&value=" + n;
        baton.tomcat.node.TomcatNode node = n % 2 == 0 ? a : b;
        Browser one = new Browser();
        one.session(id);
        answers.add(pool.submit(() -> one.get(node, path)));
      }
      for (Future<HttpResponse<String>> answer : answers) assertEquals(200, answer.get().statusCode());
    } finally {
      pool.shutdownNow();
    }
    assertEquals(101, browser.read(a, "/names").split(",").length);
    assertEquals(101, browser.read(b, "/names").split(",").length);
  }

  @Test
  void aNewIdTakesEverythingAlong() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    String before = browser.session();
    String said = browser.read(b, "/change-id");
    assertEquals(said, browser.session());
    assertNotEquals(before, browser.session());
    assertEquals("1", browser.read(a, "/get?name=one"));
    browser.session(before);
    assertEquals("none", browser.read(b, "/get?name=one"));
  }

  @Test
  void anIntervalHoldsOnAllNodesAndIsTheStores() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    browser.read(a, "/interval?seconds=120");
    assertEquals("120", browser.read(b, "/show-interval"));
    long ttl = Long.parseLong(redis.cli("TTL", key()).get(0));
    assertTrue(ttl > 100 && ttl <= 120, "TTL " + ttl);
    browser.read(a, "/interval?seconds=-1");
    assertEquals("-1", browser.read(b, "/show-interval"));
  }

  @Test
  void aSessionExpiresInTheStore() throws Exception {
    browser.read(b, "/set?name=one&value=1");
    browser.read(a, "/interval?seconds=1");
    Thread.sleep(1_300);
    assertEquals("none", browser.read(b, "/get?name=one"));
  }

  @Test
  void aValueThatCannotBeStoredIsRefusedWhereItIsSet() throws Exception {
    assertEquals(500, browser.get(a, "/unserialisable").statusCode());
  }

  @Test
  void requestsLeaveNothingBehindInTheManager() throws Exception {
    browser.read(a, "/set?name=one&value=1");
    browser.read(a, "/get?name=one");
    browser.read(a, "/change-id");
    browser.read(a, "/invalidate-and-begin");
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (a.manager().getActiveSessions() > 0 && System.nanoTime() < until) Thread.sleep(10);
    assertEquals(0, a.manager().getActiveSessions());
    assertFalse(redis.cli("HGETALL", key()).isEmpty());
  }
}
