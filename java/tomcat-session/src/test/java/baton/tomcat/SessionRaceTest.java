package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.Steps;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.http.HttpSession;
import jakarta.servlet.http.HttpSessionAttributeListener;
import jakarta.servlet.http.HttpSessionBindingEvent;
import jakarta.servlet.http.HttpSessionBindingListener;
import jakarta.servlet.http.HttpSessionEvent;
import jakarta.servlet.http.HttpSessionListener;
import java.io.Serializable;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Several threads and requests that use one session, also while it ends. */
class SessionRaceTest extends Nodes {
  private static final int ROUNDS = 8;
  /** What listeners and values of all nodes were told. */
  private static final ConcurrentLinkedQueue<String> TOLD = new ConcurrentLinkedQueue<>();

  private final Steps steps = new Steps();
  private String key;

  @Override
  protected Application application() {
    return new Application().on("/step", steps::answer);
  }

  @Override
  protected void configure(TomcatNode node) {
    node.onStart(context -> context.addListener(new Told()));
  }

  @BeforeEach
  void forget() {
    TOLD.clear();
    Bound.ALL.clear();
  }

  @AfterAll
  void stop() {
    steps.close();
  }

  /** Writes down what it is told, and what it sees of the session then. */
  private static final class Told implements HttpSessionListener, HttpSessionAttributeListener {
    @Override
    public void sessionDestroyed(HttpSessionEvent event) {
      HttpSession session = event.getSession();
      TOLD.add("destroyed, with " + Collections.list(session.getAttributeNames()).size());
    }

    @Override
    public void attributeAdded(HttpSessionBindingEvent event) {
      if (event.getValue() instanceof Bound) TOLD.add("added " + sees(event));
    }

    @Override
    public void attributeReplaced(HttpSessionBindingEvent event) {
      if (event.getValue() instanceof Bound) TOLD.add("replaced " + sees(event));
    }

    @Override
    public void attributeRemoved(HttpSessionBindingEvent event) {
      if (event.getValue() instanceof Bound) TOLD.add("removed " + sees(event));
    }
  }

  private static String sees(HttpSessionBindingEvent event) {
    try {
      return event.getSession().getAttribute(event.getName()) == null ? "absent" : "there";
    } catch (IllegalStateException over) {
      return "over";
    }
  }

  /** Counts how often it is bound and unbound; {@code whenBound}: done before valueBound returns. */
  private static final class Bound implements Serializable, HttpSessionBindingListener {
    private static final long serialVersionUID = 1L;
    private static final ConcurrentLinkedQueue<Bound> ALL = new ConcurrentLinkedQueue<>();

    private final transient AtomicInteger bound = new AtomicInteger();
    private final transient AtomicInteger unbound = new AtomicInteger();
    private final transient Runnable whenBound;

    Bound(Runnable whenBound) {
      this.whenBound = whenBound;
      ALL.add(this);
    }

    @Override
    public void valueBound(HttpSessionBindingEvent event) {
      whenBound.run();
      bound.incrementAndGet();
      TOLD.add("bound " + sees(event));
    }

    @Override
    public void valueUnbound(HttpSessionBindingEvent event) {
      if (unbound != null) unbound.incrementAndGet();
      TOLD.add("unbound " + sees(event));
    }
  }

  private static Bound bound() {
    return new Bound(() -> {});
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(10, TimeUnit.SECONDS));
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  private void begin() throws Exception {
    browser = new Browser();
    steps.run(a, browser, request -> {
      for (int n = 0; n < 10; n += 1) request.getSession().setAttribute("stays" + n, n);
    });
    key = "app:s:" + SessionId.hash(SessionId.ofCookie(browser.session()));
  }

  private boolean isAlive() throws Exception {
    return redis.cli("HKEYS", key).contains("@c");
  }

  /** What applications do with a session, by threads of theirs, over and over. */
  private static List<Consumer<HttpSession>> uses() {
    return List.of(
        session -> session.getAttribute("stays1"),
        session -> session.setAttribute("one", bound()),
        session -> session.setAttribute("one", bound()),
        session -> session.removeAttribute("one"),
        session -> {
          for (String name : Collections.list(session.getAttributeNames())) session.getAttribute(name);
        },
        session -> {
          session.isNew();
          session.getLastAccessedTime();
          session.getCreationTime();
          session.setMaxInactiveInterval(session.getMaxInactiveInterval());
        });
  }

  @Test
  void threadsThatUseASessionWhileItEndsGetIllegalStateExceptionsAndNothingElse() throws Exception {
    for (int round = 0; round < ROUNDS; round += 1) {
      begin();
      steps.run(a, browser, request -> {
        HttpSession session = request.getSession();
        CyclicBarrier barrier = new CyclicBarrier(uses().size() + 1);
        List<CompletableFuture<Integer>> threads = new ArrayList<>();
        for (Consumer<HttpSession> use : uses()) {
          threads.add(steps.async(() -> {
            barrier.await();
            return usedUntilItsEnd(session, use);
          }));
        }
        barrier.await();
        Thread.sleep(1);
        session.invalidate();
        for (CompletableFuture<Integer> thread : threads) thread.get();
      });
      assertFalse(isAlive());
    }
    for (Bound value : Bound.ALL) assertEquals(value.bound.get(), value.unbound.get(), "unbound as often as bound");
    assertTrue(Bound.ALL.size() > ROUNDS);
    assertEquals(ROUNDS, TOLD.stream().filter(line -> line.startsWith("destroyed")).count());
  }

  private static int usedUntilItsEnd(HttpSession session, Consumer<HttpSession> use) {
    for (int times = 0; ; times += 1) {
      try {
        use.accept(session);
      } catch (IllegalStateException over) {
        return times;
      }
    }
  }

  @Test
  void requestsThatUseASessionWhileAnotherEndsItAreAnsweredAndDoNotBringItBack() throws Exception {
    for (int round = 0; round < ROUNDS / 2; round += 1) {
      begin();
      AtomicBoolean isOver = new AtomicBoolean();
      CountDownLatch arrived = new CountDownLatch(4);
      List<CompletableFuture<HttpResponse<String>>> others = new ArrayList<>();
      for (TomcatNode node : List.of(a, a, b, b)) {
        others.add(steps.begin(node, browser, request -> {
          HttpSession session = request.getSession();
          arrived.countDown();
          while (!isOver.get()) {
            session.setAttribute("late", Thread.currentThread().getName());
            for (String name : Collections.list(session.getAttributeNames())) session.getAttribute(name);
            session.removeAttribute("stays1");
          }
        }));
      }
      await(arrived);
      try {
        steps.run(a, browser, request -> request.getSession().invalidate());
      } finally {
        isOver.set(true);
      }
      for (CompletableFuture<HttpResponse<String>> other : others) {
        assertEquals(List.of(), other.get().headers().allValues("Set-Cookie"));
      }
      assertFalse(isAlive());
    }
  }

  @Test
  void ofSeveralRequestsThatEndASessionOneTellsOfIt() throws Exception {
    for (List<TomcatNode> nodes : List.of(List.of(a, a), List.of(a, b), List.of(b, b, a, a))) {
      begin();
      steps.run(a, browser, request -> request.getSession().setAttribute("one", bound()));
      TOLD.clear();
      CyclicBarrier barrier = new CyclicBarrier(nodes.size());
      List<CompletableFuture<HttpResponse<String>>> ends = new ArrayList<>();
      for (TomcatNode node : nodes) {
        ends.add(steps.begin(node, browser, request -> {
          HttpSession session = request.getSession();
          barrier.await(10, TimeUnit.SECONDS);
          session.invalidate();
        }));
      }
      int cleared = 0;
      for (CompletableFuture<HttpResponse<String>> end : ends) {
        cleared += end.get().headers().allValues("Set-Cookie").size();
      }
      assertEquals(List.of("destroyed, with 11", "unbound over", "removed over"), List.copyOf(TOLD));
      assertEquals(1, cleared, "the cookie is cleared by the one");
    }
  }

  @Test
  void aValueThatIsBoundWhileItsSessionEndsIsUnboundAsWell() throws Exception {
    begin();
    steps.run(a, browser, request -> {
      HttpSession session = request.getSession();
      CountDownLatch entered = new CountDownLatch(1);
      CountDownLatch goOn = new CountDownLatch(1);
      Bound value = new Bound(() -> {
        entered.countDown();
        await(goOn);
      });
      CompletableFuture<Object> binding = steps.async(() -> {
        session.setAttribute("one", value);
        return null;
      });
      await(entered);
      session.invalidate();
      goOn.countDown();
      binding.get();
      assertEquals(1, value.bound.get());
      assertEquals(1, value.unbound.get());
    });
  }

  @Test
  void aValueThatWasSetAgainIsUnboundOnce() throws Exception {
    begin();
    Bound value = bound();
    steps.run(a, browser, request -> {
      HttpSession session = request.getSession();
      session.setAttribute("one", value);
      session.setAttribute("one", value);
      session.invalidate();
    });
    assertEquals(1, value.bound.get());
    assertEquals(1, value.unbound.get());
  }

  @Test
  void valuesAreToldBeforeTheyAreThereAndAfterTheyHaveGone() throws Exception {
    begin();
    steps.run(a, browser, request -> {
      HttpSession session = request.getSession();
      session.setAttribute("one", bound());
      session.setAttribute("one", bound());
      session.removeAttribute("one");
      session.setAttribute("one", bound());
      session.invalidate();
      assertThrows(IllegalStateException.class, () -> session.setAttribute("one", bound()));
    });
    assertEquals(
        List.of(
            "bound absent", "added there",
            "bound there", "unbound there", "replaced there",
            "unbound absent", "removed absent",
            "bound absent", "added there",
            "destroyed, with 11", "unbound over", "removed over"),
        List.copyOf(TOLD));
  }

  @Test
  void namesAreListedWhileOthersComeAndGo() throws Exception {
    begin();
    AtomicBoolean isOver = new AtomicBoolean();
    AtomicInteger written = new AtomicInteger();
    CountDownLatch arrived = new CountDownLatch(3);
    List<CompletableFuture<?>> writers = new ArrayList<>();
    for (int writer = 0; writer < 3; writer += 1) {
      String mine = "mine" + writer;
      writers.add(steps.begin(a, browser, request -> {
        HttpSession session = request.getSession();
        arrived.countDown();
        for (int n = 0; !isOver.get(); n += 1) {
          session.setAttribute(mine + n % 50, n);
          session.removeAttribute(mine + (n + 25) % 50);
          written.incrementAndGet();
        }
      }));
    }
    await(arrived);
    Set<String> stay = IntStream.range(0, 10).mapToObj(n -> "stays" + n).collect(Collectors.toSet());
    try {
      steps.run(a, browser, request -> {
        while (written.get() < 20_000) {
          List<String> names = Collections.list(request.getSession().getAttributeNames());
          assertEquals(names.size(), Set.copyOf(names).size());
          assertTrue(names.containsAll(stay), names.toString());
        }
      });
    } finally {
      isOver.set(true);
    }
    for (CompletableFuture<?> writer : writers) writer.get();
    steps.run(b, browser, request -> {
      assertTrue(Collections.list(request.getSession().getAttributeNames()).containsAll(stay));
    });
  }
}
