package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.net.http.HttpResponse;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.tomcat.util.descriptor.web.ErrorPage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Redis is away, comes back, and nodes come and go. */
class OutageTest extends Nodes {
  private final AtomicInteger runs = new AtomicInteger();
  private boolean isAway;

  @Override
  protected Application application() {
    return new Application()
        .on("/set", (request, response) -> request.getSession().setAttribute("cart", "full"))
        .on("/get", (request, response) -> {
          runs.incrementAndGet();
          response.getWriter().print(request.getSession().getAttribute("cart"));
        })
        .on("/lose", (request, response) -> {
          request.getSession().setAttribute("cart", "changed");
          redis.kill();
          response.getWriter().print("as if it were written");
        })
        .on("/lose-and-flush", (request, response) -> {
          request.getSession().setAttribute("cart", "changed");
          redis.kill();
          response.getWriter().print("as if it were written");
          response.flushBuffer();
          response.getWriter().print("and more");
        })
        .on("/lose-and-end", (request, response) -> {
          redis.kill();
          request.getSession().invalidate();
        })
        .on("/error-page", (request, response) -> {
          request.getSession().setAttribute("shown", "error");
          response.getWriter().print("new " + request.getSession().isNew());
        })
        .on("/nothing", (request, response) -> response.getWriter().print("nothing"));
  }

  @Override
  protected void configure(TomcatNode node) {
    // Nearly every call of these tests waits for as long as it may.
    node.manager().setLoadTimeout(1_000);
    node.manager().setCommitTimeout(1_000);
    ErrorPage page = new ErrorPage();
    page.setErrorCode(503);
    page.setLocation("/error-page");
    node.context().addErrorPage(page);
  }

  @AfterEach
  void bringRedisBack() throws Exception {
    if (!isAway) return;
    redis.run();
    isAway = false;
    for (TomcatNode node : new TomcatNode[] {a, b}) {
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
      while (!node.manager().isStoreUp() && System.nanoTime() < until) Thread.sleep(20);
    }
  }

  private void assertRefused(HttpResponse<String> response) {
    assertEquals(503, response.statusCode(), response.body());
    assertEquals("1", response.headers().firstValue("Retry-After").orElse(""));
    assertTrue(response.headers().firstValue("Set-Cookie").isEmpty());
    assertFalse(response.body().contains("as if"));
  }

  @Test
  void aRequestIsRefusedAndNotRunAndItsCookieKeptWhileRedisIsAway() throws Exception {
    browser.read(a, "/set");
    String id = browser.session();
    isAway = true;
    redis.kill();
    int before = runs.get();
    assertRefused(browser.get(a, "/get"));
    assertRefused(browser.get(b, "/get"));
    assertEquals(before, runs.get());
    assertEquals(id, browser.session());
    assertEquals("nothing", new Browser().read(a, "/nothing"));
    bringRedisBack();
    assertEquals("full", browser.read(b, "/get"));
    assertEquals("full", browser.read(a, "/get"));
  }

  @Test
  void anErrorPageThatAsksForASessionGivesNoCookieWhileRedisIsAway() throws Exception {
    browser.read(a, "/set");
    String id = browser.session();
    isAway = true;
    redis.kill();
    HttpResponse<String> response = browser.get(b, "/get");
    assertRefused(response);
    assertEquals("new true", response.body());
    bringRedisBack();
    assertEquals(id, browser.session());
    assertEquals("full", browser.read(b, "/get"));
  }

  @Test
  void aNewSessionThatCannotBeWrittenIsNoCookie() throws Exception {
    isAway = true;
    redis.kill();
    assertRefused(browser.get(a, "/set"));
  }

  @Test
  void anAnswerWhoseWriteFailsIsNotGiven() throws Exception {
    browser.read(a, "/set");
    isAway = true;
    assertRefused(browser.get(a, "/lose"));
    bringRedisBack();
    assertEquals("full", browser.read(b, "/get"));
    isAway = true;
    assertRefused(browser.get(a, "/lose-and-flush"));
  }

  @Test
  void aLogoutThatTheStoreDoesNotTakeIsNoLogout() throws Exception {
    browser.read(a, "/set");
    String id = browser.session();
    isAway = true;
    assertRefused(browser.get(a, "/lose-and-end"));
    assertEquals(id, browser.session());
    bringRedisBack();
    assertEquals("full", browser.read(b, "/get"));
  }

  @Test
  void aNodeThatStopsEndsNoSession() throws Exception {
    try (TomcatNode third = TomcatNode.start(redis, application(), this::configure)) {
      browser.read(third, "/set");
      third.manager().processExpires();
    }
    assertEquals("full", browser.read(a, "/get"));
  }

  @Test
  void aNodeStartsWithoutRedis() throws Exception {
    browser.read(a, "/set");
    isAway = true;
    redis.kill();
    try (TomcatNode third = TomcatNode.start(redis, application(), this::configure)) {
      assertEquals("nothing", new Browser().read(third, "/nothing"));
      assertRefused(browser.get(third, "/get"));
      redis.run();
      isAway = false;
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
      while (!third.manager().isStoreUp() && System.nanoTime() < until) Thread.sleep(20);
      assertEquals("full", browser.read(third, "/get"));
    }
  }
}
