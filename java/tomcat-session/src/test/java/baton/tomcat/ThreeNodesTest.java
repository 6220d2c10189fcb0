package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.Site;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** The requests of one browser, dealt over three nodes. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ThreeNodesTest extends Nodes {
  private static final int WRITERS = 6;
  private static final int WRITES = 10;

  private final ExecutorService pool = Executors.newCachedThreadPool();
  private TomcatNode c;

  @Override
  protected Application application() {
    return new Application()
        .on("/set", (request, response) -> {
          request.getSession().setAttribute(request.getParameter("name"), request.getParameter("value"));
        })
        .on("/get", (request, response) -> {
          HttpSession session = request.getSession(false);
          response.getWriter().print(session == null ? "none" : session.getAttribute(request.getParameter("name")));
        })
        .on("/remove", (request, response) -> request.getSession().removeAttribute(request.getParameter("name")))
        .on("/all", (request, response) -> {
          HttpSession session = request.getSession();
          for (String name : new TreeSet<>(Collections.list(session.getAttributeNames()))) {
            response.getWriter().print(name + "=" + session.getAttribute(name) + "\n");
          }
        })
        .on("/login", (request, response) -> response.getWriter().print("please log in"))
        .on("/account/me", (request, response) -> {
          response.getWriter().print(request.getRemoteUser() + " " + request.isUserInRole("buyer"));
        })
        .on("/who", (request, response) -> response.getWriter().print(request.getRemoteUser()))
        .on("/log-out", (request, response) -> request.getSession().invalidate());
  }

  @Override
  protected void configure(TomcatNode node) {
    node.askForLogin();
  }

  @BeforeAll
  void startThird() throws Exception {
    c = TomcatNode.start(redis, application(), this::configure);
  }

  @AfterAll
  void stopThird() throws Exception {
    pool.shutdownNow();
    if (c != null) c.close();
  }

  @Test
  void whatOneNodeSetsTheSecondChangesAndTheThirdRemoves() throws Exception {
    List<TomcatNode> nodes = List.of(a, b, c, a, b);
    for (int first = 0; first < 3; first += 1) {
      browser = new Browser();
      browser.read(nodes.get(first), "/set?name=stays&value=0");
      browser.read(nodes.get(first), "/set?name=n&value=1");
      browser.read(nodes.get(first + 1), "/set?name=n&value=2");
      assertEquals("2", browser.read(nodes.get(first + 2), "/get?name=n"));
      browser.read(nodes.get(first + 2), "/remove?name=n");
      for (TomcatNode node : nodes) assertEquals("stays=0\n", browser.read(node, "/all"));
    }
  }

  @Test
  void aLoginWhoseStepsComeToThreeNodesIsOneOnAllAndALogoutIsItsEnd() throws Exception {
    browser.read(c, "/set?name=cart&value=full");
    assertEquals("please log in", browser.read(a, "/account/me"));
    assertEquals(303, browser.post(b, "/j_security_check", "j_username=anna&j_password=secret").statusCode());
    for (TomcatNode node : List.of(c, a, b)) {
      assertEquals("anna true", browser.read(node, "/account/me"));
      assertEquals("full", browser.read(node, "/get?name=cart"));
    }
    String id = browser.session();
    browser.read(c, "/log-out");
    assertNull(browser.session());
    for (TomcatNode node : List.of(a, b, c)) {
      Browser late = new Browser();
      late.session(id);
      assertEquals("null", late.read(node, "/who"));
      assertEquals("none", late.read(node, "/get?name=cart"));
      assertEquals("please log in", late.read(node, "/account/me"));
    }
  }

  @Test
  void writesOfSeveralAttributesOverThreeNodesLoseNone() throws Exception {
    List<TomcatNode> nodes = List.of(a, b, c);
    browser.read(a, "/set?name=first&value=0");
    Map<String, String> expected = new HashMap<>(Map.of("first", "0"));
    List<CompletableFuture<?>> writers = new ArrayList<>();
    for (int writer = 0; writer < WRITERS; writer += 1) {
      int mine = writer;
      for (int n = WRITES - 3; n < WRITES; n += 1) expected.put("of" + mine + "-" + n % 3, "" + n);
      writers.add(
          run(() -> {
            for (int n = 0; n < WRITES; n += 1) {
              HttpResponse<String> response =
                  sameSession().get(nodes.get((mine + n) % 3), "/set?name=of" + mine + "-" + n % 3 + "&value=" + n);
              assertEquals(200, response.statusCode());
            }
          }));
    }
    for (CompletableFuture<?> writer : writers) writer.get(20, TimeUnit.SECONDS);
    for (TomcatNode node : nodes) assertEquals(expected, all(node));
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void aNodeThatStopsInTheMiddleTakesNothingThatItHasAcknowledgedWithIt() throws Exception {
    String address = c.url("");
    List<Site> nodes = List.of(a, path -> address + path, b);
    browser.read(a, "/account/me");
    browser.post(b, "/j_security_check", "j_username=anna&j_password=secret");
    AtomicInteger written = new AtomicInteger();
    AtomicInteger refused = new AtomicInteger();
    AtomicInteger goal = new AtomicInteger(Integer.MAX_VALUE);
    Map<String, String> expected = new ConcurrentHashMap<>();
    List<CompletableFuture<?>> writers = new ArrayList<>();
    for (int writer = 0; writer < 3; writer += 1) {
      String mine = "of" + writer;
      writers.add(
          run(() -> {
            for (int n = 0; written.get() < goal.get(); n += 1) {
              if (isSet(nodes.get(n % 3), mine, n)) {
                written.incrementAndGet();
              } else {
                refused.incrementAndGet();
                // As a balancer would.
                assertTrue(isSet(a, mine, n));
              }
              expected.put(mine, "" + n);
            }
          }));
    }
    while (written.get() < 30) Thread.sleep(2);
    c.close();
    c = null;
    goal.set(written.get() + 30);
    for (CompletableFuture<?> writer : writers) writer.get(20, TimeUnit.SECONDS);
    assertTrue(refused.get() > 0);
    assertEquals(expected, all(b));
    assertEquals("anna true", browser.read(a, "/account/me"));
  }

  /** false: the node is not there, or says that it cannot. */
  private boolean isSet(Site node, String name, int value) throws InterruptedException {
    try {
      HttpResponse<String> response = sameSession().get(node, "/set?name=" + name + "&value=" + value);
      assertTrue(List.of(200, 404, 503).contains(response.statusCode()), "" + response.statusCode());
      return response.statusCode() == 200;
    } catch (IOException gone) {
      return false;
    }
  }

  private Browser sameSession() {
    Browser same = new Browser();
    same.session(browser.session());
    return same;
  }

  private Map<String, String> all(TomcatNode node) throws Exception {
    Map<String, String> all = new HashMap<>();
    for (String line : browser.read(node, "/all").split("\n")) {
      all.put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1));
    }
    return all;
  }

  private interface Work {
    void run() throws Exception;
  }

  private CompletableFuture<?> run(Work work) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            work.run();
          } catch (Exception error) {
            throw new IllegalStateException(error);
          }
        },
        pool);
  }
}
