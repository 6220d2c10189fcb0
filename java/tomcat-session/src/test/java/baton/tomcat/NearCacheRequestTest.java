package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.RedisProcess;
import baton.tomcat.node.TomcatNode;
import baton.tomcat.store.RespProxy;
import jakarta.servlet.http.HttpSession;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Two Tomcats with near caches, and browsers that go from one to the other. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NearCacheRequestTest {
  private static final String ALL_LINES = "{lines=[book, pen, ink]}";

  private RedisProcess redis;
  private final List<RespProxy> proxies = new ArrayList<>();
  private final List<TomcatNode> nodes = new ArrayList<>();

  @BeforeAll
  void start() throws Exception {
    redis = RedisProcess.start();
    for (int at = 0; at < 2; at += 1) {
      RespProxy proxy = new RespProxy(redis.port());
      proxies.add(proxy);
      nodes.add(TomcatNode.start(redis, application(), node -> configure(node, proxy)));
    }
    // Scripts and connections are known from here on.
    for (TomcatNode node : nodes) new Browser().read(node, "/set?value=0");
  }

  @AfterAll
  void stop() throws Exception {
    for (TomcatNode node : nodes) node.close();
    for (RespProxy proxy : proxies) proxy.close();
    redis.close();
  }

  @Test
  void asksRedisNothingToReadASessionAgainAlsoAfterAWriteOfItsOwn() throws Exception {
    Browser browser = new Browser();
    browser.read(nodes.get(0), "/set?value=1");
    List<Integer> trips = new ArrayList<>();
    proxies.get(0).trips();
    for (String path : List.of("/get", "/get", "/set?value=2", "/get", "/get")) {
      browser.read(nodes.get(0), path);
      trips.add(proxies.get(0).trips());
    }
    assertEquals(List.of(1, 0, 1, 0, 0), trips);
    assertTrue(nodes.get(0).manager().getNearCacheHits() >= 4);
    assertTrue(nodes.get(0).manager().getNearCacheEntries() >= 1);
  }

  @Test
  void seesWhatWasChangedWithinAMapThatManyRequestsRead() throws Exception {
    Browser browser = new Browser();
    browser.read(nodes.get(0), "/cart/begin");
    assertEquals("{lines=[book]}", browser.read(nodes.get(0), "/cart"));
    List<Integer> trips = new ArrayList<>();
    List<String> seen = new ArrayList<>();
    proxies.get(0).trips();
    for (String path : List.of("/cart", "/cart/add?line=pen", "/cart", "/cart/add?line=ink", "/cart", "/cart")) {
      seen.add(browser.read(nodes.get(0), path));
      trips.add(proxies.get(0).trips());
    }
    assertEquals(List.of(0, 1, 0, 1, 0, 0), trips);
    assertEquals(List.of("{lines=[book]}", "", "{lines=[book, pen]}", "", ALL_LINES, ALL_LINES), seen);
    assertEquals(ALL_LINES, browser.read(nodes.get(1), "/cart"));
  }

  @Test
  void stampsAnswersThatHaveWrittenAndNoOthers() throws Exception {
    Browser browser = new Browser();
    HttpResponse<String> begun = browser.get(nodes.get(0), "/set?value=1");
    assertEquals(
        List.of("JSESSIONID_v1=1; Max-Age=10; Path=/; HttpOnly; SameSite=Lax"), stampsOf(begun));
    assertEquals(List.of(), stampsOf(browser.get(nodes.get(0), "/get")));
    HttpResponse<String> written = browser.get(nodes.get(1), "/set?value=2");
    assertTrue(stampsOf(written).get(0).startsWith("JSESSIONID_v2=2;"), stampsOf(written).toString());
    assertFalse(written.headers().allValues("Set-Cookie").stream().anyMatch(line -> line.startsWith("JSESSIONID=")));
  }

  @Test
  void showsABrowserAllThatItHasWrittenWhicheverNodeAnswersThoughNoInvalidationArrives() throws Exception {
    for (RespProxy proxy : proxies) proxy.onInvalidation(() -> RespProxy.DROP);
    AtomicInteger wrong = new AtomicInteger();
    AtomicInteger older = new AtomicInteger();
    List<CompletableFuture<?>> clients = new ArrayList<>();
    for (int at = 0; at < 8; at += 1) clients.add(CompletableFuture.runAsync(() -> client(wrong, older)));
    CompletableFuture.allOf(clients.toArray(new CompletableFuture<?>[0])).join();
    for (RespProxy proxy : proxies) proxy.onInvalidation(() -> RespProxy.PASS);
    assertEquals(0, wrong.get(), "stale for the writer");
    assertTrue(older.get() > 0, "nobody noticed");
  }

  private void client(AtomicInteger wrong, AtomicInteger older) {
    try {
      Browser browser = new Browser();
      for (int written = 1; written <= 15; written += 1) {
        TomcatNode here = nodes.get(written % 2);
        TomcatNode there = nodes.get((written + 1) % 2);
        browser.read(here, "/set?value=" + written);
        // Somebody who was not there when it was written has no stamps.
        Browser bystander = new Browser();
        bystander.session(browser.session());
        for (TomcatNode node : List.of(there, here, there)) {
          String value = Integer.toString(written);
          if (!bystander.read(node, "/get").equals(value)) older.incrementAndGet();
          if (!browser.read(node, "/get").equals(value)) wrong.incrementAndGet();
        }
      }
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private static Application application() {
    return new Application()
        .on("/set", (request, response) -> request.getSession().setAttribute("n", request.getParameter("value")))
        .on("/cart/begin", (request, response) -> request.getSession().setAttribute("cart", cartOf("book")))
        .on("/cart/add", (request, response) -> linesOf(request.getSession()).add(request.getParameter("line")))
        .on("/cart", (request, response) -> response.getWriter().print(request.getSession().getAttribute("cart")))
        .on("/get", (request, response) -> response.getWriter().print(request.getSession().getAttribute("n")));
  }

  private static Map<String, Object> cartOf(String line) {
    return new LinkedHashMap<>(Map.of("lines", new ArrayList<>(List.of(line))));
  }

  @SuppressWarnings("unchecked")
  private static List<String> linesOf(HttpSession session) {
    return ((Map<String, List<String>>) session.getAttribute("cart")).get("lines");
  }

  private static void configure(TomcatNode node, RespProxy proxy) {
    node.manager().setStore(proxy.url());
    node.manager().setNearCache(true);
    node.manager().setConnectTimeout(10_000);
    node.manager().setLoadTimeout(10_000);
    node.manager().setCommitTimeout(10_000);
  }

  private static List<String> stampsOf(HttpResponse<String> response) {
    List<String> stamps = new ArrayList<>();
    for (String line : response.headers().allValues("Set-Cookie")) if (line.startsWith("JSESSIONID_v")) stamps.add(line);
    return stamps;
  }
}
