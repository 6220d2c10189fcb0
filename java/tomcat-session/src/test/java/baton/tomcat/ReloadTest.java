package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Browser;
import baton.tomcat.node.RedisProcess;
import baton.tomcat.node.War;
import baton.tomcat.node.WarNode;
import java.lang.ref.WeakReference;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.Pipeline;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/** An application that is reloaded, or deployed anew, in a Tomcat that goes on, while its users do. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ReloadTest {
  private static final int USERS = 4;

  private final ExecutorService pool = Executors.newCachedThreadPool();
  private RedisProcess redis;
  private WarNode node;

  @BeforeAll
  void start() throws Exception {
    redis = RedisProcess.start();
    node = WarNode.start(release(1));
  }

  @AfterAll
  void stop() throws Exception {
    pool.shutdownNow();
    if (node != null) node.close();
    redis.close();
  }

  /** A shop, each release of which has a class of the same name for its carts. */
  private War release(int version) throws Exception {
    String cart =
        "public class Cart extends java.util.concurrent.CopyOnWriteArrayList<String> {"
            + " private static final long serialVersionUID = 1L;"
            + " public String toString() { return \"" + version + ":\" + size(); } }";
    String shop =
        "import jakarta.servlet.http.*;"
            + " public class Shop extends HttpServlet { private static final long serialVersionUID = 1L;"
            + " @Override protected void doGet(HttpServletRequest request, HttpServletResponse response) {"
            + "  try {"
            + "   String path = request.getPathInfo();"
            + "   HttpSession session = request.getSession();"
            + "   if (path.equals(\"/log-in\")) {"
            + "    request.login(\"anna\", \"secret\"); session.setAttribute(\"cart\", new Cart()); }"
            + "   Cart cart = (Cart) session.getAttribute(\"cart\");"
            + "   if (!path.equals(\"/look\")) cart.add(path);"
            + "   response.getWriter().print(request.getRemoteUser() + \" \" + cart);"
            + "  } catch (Exception error) { throw new IllegalStateException(error); } } }";
    return new War()
        .with(
            "META-INF/context.xml",
            "<Context><JarScanner scanClassPath=\"false\"/><Manager className=\"baton.tomcat.SessionManager\" store=\""
                + redis.url() + "\" loadTimeout=\"5000\" commitTimeout=\"5000\" nearCache=\"true\"/></Context>")
        .with(
            "WEB-INF/web.xml",
            "<web-app metadata-complete=\"true\"><servlet><servlet-name>shop</servlet-name>"
                + "<servlet-class>shop.Shop</servlet-class></servlet><servlet-mapping><servlet-name>shop</servlet-name>"
                + "<url-pattern>/*</url-pattern></servlet-mapping></web-app>")
        .withClasses("shop", Map.of("Cart", cart, "Shop", shop));
  }

  private interface Step {
    void run() throws Exception;
  }

  /** Users who are logged in put one thing after the other into their carts, before, while and after. */
  private void underTraffic(Step step) throws Exception {
    AtomicInteger added = new AtomicInteger();
    AtomicInteger enough = new AtomicInteger(Integer.MAX_VALUE);
    List<CompletableFuture<Void>> users = new ArrayList<>();
    for (int n = 0; n < USERS; n += 1) users.add(CompletableFuture.runAsync(() -> shop(added, enough), pool));
    try {
      awaitMore(added, users);
      step.run();
      awaitMore(added, users);
    } finally {
      enough.set(0);
    }
    CompletableFuture.allOf(users.toArray(new CompletableFuture<?>[0])).get(20, TimeUnit.SECONDS);
  }

  private static void awaitMore(AtomicInteger added, List<CompletableFuture<Void>> users) throws Exception {
    int goal = added.get() + 10 * USERS;
    while (added.get() < goal) {
      // What went wrong is what it throws.
      for (CompletableFuture<Void> user : users) if (user.isDone()) user.get();
      Thread.sleep(5);
    }
  }

  private void shop(AtomicInteger added, AtomicInteger enough) {
    try {
      Browser browser = new Browser();
      int inCart = sizeIn(browser.read(node, "/log-in"));
      while (added.get() < enough.get()) {
        HttpResponse<String> response = browser.get(node, "/add");
        // Not there at this moment, which a balancer hides from users: it was not done.
        if (response.statusCode() != 200) {
          assertTrue(isAbsence(response), response.statusCode() + " " + response.body());
          continue;
        }
        inCart += 1;
        assertEquals(inCart, sizeIn(response.body()));
        added.incrementAndGet();
      }
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  /** Tomcat has an error of its own for who is between its looking whether the application is there and its servlet. */
  private static boolean isAbsence(HttpResponse<String> response) {
    int status = response.statusCode();
    return status == 404 || status == 503 || status == 500 && response.body().contains("is being unloaded");
  }

  private static int sizeIn(String body) {
    assertTrue(body.startsWith("anna "), body);
    return Integer.parseInt(body.substring(body.indexOf(':') + 1));
  }

  private static void awaitEnd(List<Thread> threads) throws InterruptedException {
    assertFalse(threads.isEmpty());
    for (Thread thread : threads) {
      thread.join(10_000);
      assertFalse(thread.isAlive(), thread.getName());
    }
  }

  private static void awaitCollection(WeakReference<?> object, String name) throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
    while (object.get() != null && System.nanoTime() < until) {
      System.gc();
      Thread.sleep(20);
    }
    assertTrue(object.get() == null, "something holds on to the " + name + " of an application that was stopped");
  }

  private WeakReference<ClassLoader> application() {
    ClassLoader loader = node.context().getLoader().getClassLoader();
    assertNotNull(loader);
    return new WeakReference<>(loader);
  }

  @Test
  void usersGoOnWhileTheApplicationIsReloaded() throws Exception {
    WeakReference<ClassLoader> before = application();
    List<Thread> threads = node.redisThreads();
    underTraffic(node::reload);
    awaitEnd(threads);
    awaitCollection(before, "class loader");
  }

  /** Calls {@code step} when the manager does what the event says. */
  private void when(String event, Runnable step) {
    node.manager().addLifecycleListener(happened -> {
      if (happened.getType().equals(event)) step.run();
    });
  }

  @Test
  void whatARequestHasToWriteWhenItsServletIsDoneIsWrittenBeforeTheApplicationStops() throws Exception {
    Browser browser = new Browser();
    browser.read(node, "/log-in");
    CountDownLatch isDone = new CountDownLatch(1);
    CountDownLatch stops = new CountDownLatch(1);
    when(Lifecycle.BEFORE_STOP_EVENT, stops::countDown);
    Valve late = valve((next, request, response) -> {
      next.invoke(request, response);
      isDone.countDown();
      await(stops);
      // By then, whoever does not wait has stopped.
      Thread.sleep(50);
    });
    node.context().getPipeline().addValve(late);
    CompletableFuture<HttpResponse<String>> answer = CompletableFuture.supplyAsync(() -> get(browser, "/add"), pool);
    await(isDone);
    node.reload();
    assertEquals("anna 1:2", answer.get(20, TimeUnit.SECONDS).body());
    node.context().getPipeline().removeValve(late);
    assertEquals("anna 1:2", browser.read(node, "/look"));
  }

  @Test
  void aRequestThatComesToAnApplicationThatHasStoppedIsToAskAgain() throws Exception {
    Browser browser = new Browser();
    browser.read(node, "/log-in");
    CountDownLatch isComing = new CountDownLatch(1);
    CountDownLatch hasStopped = new CountDownLatch(1);
    Valve late = valve((next, request, response) -> {
      isComing.countDown();
      await(hasStopped);
      next.invoke(request, response);
    });
    Pipeline ofHost = node.context().getParent().getPipeline();
    ofHost.addValve(late);
    CompletableFuture<HttpResponse<String>> answer = CompletableFuture.supplyAsync(() -> get(browser, "/add"), pool);
    await(isComing);
    node.stopApplication();
    hasStopped.countDown();
    HttpResponse<String> response = answer.get(20, TimeUnit.SECONDS);
    assertEquals(503, response.statusCode());
    assertEquals("1", response.headers().firstValue("Retry-After").orElse(""));
    ofHost.removeValve(late);
    node.startApplication();
    assertEquals("anna 1:1", browser.read(node, "/look"));
  }

  private HttpResponse<String> get(Browser browser, String path) {
    try {
      return browser.get(node, path);
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private static void await(CountDownLatch latch) throws InterruptedException {
    assertTrue(latch.await(10, TimeUnit.SECONDS));
  }

  private interface Passage {
    void pass(Valve next, Request request, Response response) throws Exception;
  }

  private static Valve valve(Passage passage) {
    return new ValveBase(true) {
      @Override
      public void invoke(Request request, Response response) {
        try {
          passage.pass(getNext(), request, response);
        } catch (Exception error) {
          throw new IllegalStateException(error);
        }
      }
    };
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void usersGoOnWhileAnotherReleaseIsDeployed() throws Exception {
    Browser browser = new Browser();
    browser.read(node, "/log-in");
    WeakReference<ClassLoader> before = application();
    // As threads of requests would that have kept theirs.
    WeakReference<SessionManager> manager = new WeakReference<>(node.manager());
    List<Thread> threads = node.redisThreads();
    underTraffic(() -> node.redeploy(release(2)));
    // The same value, of the class that the new release has.
    assertEquals("anna 2:1", browser.read(node, "/look"));
    awaitEnd(threads);
    awaitCollection(before, "class loader");
    awaitCollection(manager, "session manager");
  }
}
