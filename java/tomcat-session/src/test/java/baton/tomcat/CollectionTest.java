package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.Steps;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.http.HttpSession;
import java.io.Serializable;
import java.net.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Lists, maps and sets in sessions, changed in place by requests that come to one node after the other. */
class CollectionTest extends Nodes {
  private final Steps steps = new Steps();

  @Override
  protected Application application() {
    return new Application().on("/step", steps::answer);
  }

  @AfterAll
  void stop() {
    steps.close();
  }

  /** Within a value: an object of the application's own. */
  private static final class Line implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String item;
    private int count = 1;

    Line(String item) {
      this.item = item;
    }

    @Override
    public String toString() {
      return count + " " + item;
    }
  }

  @SuppressWarnings("unchecked")
  private static <T> T get(HttpSession session, String name) {
    return (T) session.getAttribute(name);
  }

  private static Collection<Object> items(HttpSession session, String name) {
    return get(session, name);
  }

  private static Map<String, Object> map(HttpSession session, String name) {
    return get(session, name);
  }

  private String key() {
    return "app:s:" + SessionId.hash(SessionId.ofCookie(browser.session()));
  }

  private String version() throws Exception {
    return redis.cli("HGET", key(), "@v").get(0);
  }

  private static Map<String, Collection<Object>> collections() {
    Map<String, Collection<Object>> all = new LinkedHashMap<>();
    for (Collection<Object> each :
        List.<Collection<Object>>of(
            new ArrayList<>(), new LinkedList<>(), new CopyOnWriteArrayList<>(), new ArrayDeque<>(), new HashSet<>(),
            new LinkedHashSet<>(), new TreeSet<>(), ConcurrentHashMap.newKeySet())) {
      all.put(each.getClass().getSimpleName(), each);
    }
    return all;
  }

  private static Map<String, Map<String, Object>> maps() {
    Map<String, Map<String, Object>> all = new LinkedHashMap<>();
    for (Map<String, Object> each :
        List.<Map<String, Object>>of(
            new HashMap<>(), new LinkedHashMap<>(), new TreeMap<>(), new ConcurrentHashMap<>())) {
      all.put(each.getClass().getSimpleName(), each);
    }
    return all;
  }

  @Test
  void whatIsAddedInPlaceIsThereOnTheNextNodeInACollectionOfTheSameKind() throws Exception {
    steps.run(a, browser, request -> {
      collections().forEach(request.getSession()::setAttribute);
      maps().forEach(request.getSession()::setAttribute);
    });
    for (int n = 0; n < 4; n += 1) {
      String item = "item" + n;
      steps.run(n % 2 == 0 ? b : a, browser, request -> {
        HttpSession session = request.getSession();
        collections().forEach((name, made) -> made.getClass().cast(get(session, name)));
        for (String name : collections().keySet()) items(session, name).add(item);
        for (String name : maps().keySet()) map(session, name).put(item, item.length());
      });
    }
    steps.run(a, browser, request -> {
      for (String name : collections().keySet()) {
        Collection<Object> items = items(request.getSession(), name);
        assertEquals(Set.of("item0", "item1", "item2", "item3"), new HashSet<>(items), name);
        items.remove("item1");
      }
      for (String name : maps().keySet()) {
        Map<String, Object> map = map(request.getSession(), name);
        assertEquals(Map.of("item0", 5, "item1", 5, "item2", 5, "item3", 5), map, name);
        map.keySet().retainAll(List.of("item0"));
      }
    });
    steps.run(b, browser, request -> {
      for (String name : collections().keySet()) {
        assertEquals(Set.of("item0", "item2", "item3"), new HashSet<Object>(get(request.getSession(), name)), name);
      }
      for (String name : maps().keySet()) assertEquals(Map.of("item0", 5), get(request.getSession(), name), name);
    });
  }

  @Test
  void whoOnlyReadsCollectionsWritesNone() throws Exception {
    steps.run(a, browser, request -> {
      collections().forEach((name, made) -> {
        made.addAll(List.of("one", "two", "three"));
        request.getSession().setAttribute(name, made);
      });
      maps().forEach((name, made) -> {
        made.putAll(Map.of("one", 1, "two", 2, "three", 3));
        request.getSession().setAttribute(name, made);
      });
    });
    String before = version();
    for (TomcatNode node : List.of(a, b, b)) {
      steps.run(node, browser, request -> {
        for (String name : collections().keySet()) assertEquals(3, items(request.getSession(), name).size());
        for (String name : maps().keySet()) assertEquals(3, map(request.getSession(), name).size());
      });
    }
    assertEquals(before, version());
  }

  @Test
  void whatIsChangedDeepWithinIsSeen() throws Exception {
    steps.run(a, browser, request -> {
      List<Object> orders = new ArrayList<>(List.of(new LinkedHashMap<>(Map.of("n", 1))));
      request.getSession().setAttribute("json", new LinkedHashMap<>(Map.of("orders", orders)));
      List<Object> lines = new ArrayList<>(List.of(new Line("book")));
      request.getSession().setAttribute("java", new TreeMap<>(Map.of("lines", lines, "at", new Date(0))));
    });
    for (TomcatNode node : List.of(b, a, b)) {
      steps.run(node, browser, request -> {
        Map<String, List<Map<String, Object>>> json = get(request.getSession(), "json");
        json.get("orders").get(0).merge("n", 1, (n, one) -> (int) n + (int) one);
        Map<String, List<Line>> java = get(request.getSession(), "java");
        java.get("lines").get(0).count += 1;
      });
    }
    steps.run(a, browser, request -> {
      assertEquals("{orders=[{n=4}]}", request.getSession().getAttribute("json").toString());
      Map<String, Object> java = map(request.getSession(), "java");
      assertEquals("[4 book]", java.get("lines").toString());
      assertEquals(new Date(0), java.get("at"));
    });
  }

  /** A request that has the list "list", then does {@code change}, after {@code meanwhile}. */
  private HttpResponse<String> slow(TomcatNode node, Consumer<List<Object>> change, Steps.Step meanwhile)
      throws Exception {
    CountDownLatch arrived = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    CompletableFuture<HttpResponse<String>> answer =
        steps.begin(node, browser, request -> {
          List<Object> list = get(request.getSession(), "list");
          arrived.countDown();
          assertTrue(goOn.await(10, TimeUnit.SECONDS));
          change.accept(list);
        });
    assertTrue(arrived.await(10, TimeUnit.SECONDS));
    steps.run(a, browser, meanwhile);
    goOn.countDown();
    return answer.get();
  }

  private Object list(TomcatNode node) throws Exception {
    Object[] found = new Object[1];
    steps.run(node, browser, request -> found[0] = request.getSession().getAttribute("list"));
    return found[0];
  }

  private void begin() throws Exception {
    steps.run(a, browser, request -> {
      request.getSession().setAttribute("list", new ArrayList<>(List.of("one")));
      request.getSession().setAttribute("other", 1);
    });
  }

  @Test
  void aReaderDoesNotBringBackWhatAnotherNodeHasRemovedMeanwhile() throws Exception {
    begin();
    slow(b, list -> assertEquals(List.of("one"), list), request -> request.getSession().removeAttribute("list"));
    assertNull(list(b));
    assertNull(list(a));
  }

  @Test
  void aReaderDoesNotUndoWhatAnotherNodeHasChangedMeanwhile() throws Exception {
    begin();
    slow(b, list -> assertEquals(List.of("one"), list), request -> items(request.getSession(), "list").add("two"));
    assertEquals(List.of("one", "two"), list(b));
  }

  @Test
  void ofTwoWhoChangeOneAttributeTheLastWins() throws Exception {
    begin();
    slow(b, list -> list.add("late"), request -> request.getSession().removeAttribute("list"));
    assertEquals(List.of("one", "late"), list(a));
  }

  @Test
  void aSessionThatExpiresWhileARequestUsesItStaysAway() throws Exception {
    begin();
    String key = key();
    HttpResponse<String> late = slow(b, list -> list.add("late"), request -> redis.cli("DEL", key));
    assertEquals(List.of(), late.headers().allValues("Set-Cookie"));
    assertEquals(List.of("0"), redis.cli("HEXISTS", key, "@c"));
    String before = browser.session();
    assertNull(list(a));
    steps.run(b, browser, request -> request.getSession().setAttribute("list", new ArrayList<>(List.of("anew"))));
    assertNotEquals(before, browser.session());
    assertEquals(List.of("anew"), list(a));
  }

  @Test
  void aSessionThatIsMadeAnewHasItsOwnListAndTheOldIdHasNone() throws Exception {
    begin();
    String before = browser.session();
    steps.run(b, browser, request -> {
      List<Object> old = get(request.getSession(), "list");
      request.getSession().invalidate();
      request.getSession().setAttribute("list", new ArrayList<>(List.of("anew")));
      old.add("to the old");
    });
    assertNotEquals(before, browser.session());
    assertEquals(List.of("anew"), list(a));
    steps.run(a, browser, request -> assertNull(request.getSession().getAttribute("other")));
    Browser old = new Browser();
    old.session(before);
    for (TomcatNode node : List.of(a, b)) {
      HttpResponse<String> again = steps.run(node, old, request -> {
        assertNull(request.getSession().getAttribute("list"));
        request.getSession().invalidate();
      });
      assertEquals(List.of(), again.headers().allValues("Set-Cookie"));
    }
    assertEquals(List.of("anew"), list(b));
  }

  @Test
  void aListThatARequestIsFillingFailsNoOtherRequestThatReadsIt() throws Exception {
    steps.run(a, browser, request -> {
      List<Integer> list = IntStream.range(0, 500).boxed().collect(Collectors.toCollection(ArrayList::new));
      request.getSession().setAttribute("list", list);
    });
    AtomicBoolean isOver = new AtomicBoolean();
    CountDownLatch arrived = new CountDownLatch(1);
    CompletableFuture<HttpResponse<String>> filler =
        steps.begin(a, browser, request -> {
          Collection<Object> list = items(request.getSession(), "list");
          arrived.countDown();
          while (!isOver.get()) {
            long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(15);
            for (int n = 0; System.nanoTime() < untilNs; n += 1) {
              list.add(n);
              list.remove((Object) n);
            }
            Thread.sleep(5);
          }
          list.add(-1);
        });
    assertTrue(arrived.await(10, TimeUnit.SECONDS));
    try {
      for (int n = 0; n < 10; n += 1) {
        steps.run(a, browser, request -> assertTrue(items(request.getSession(), "list").size() >= 500));
      }
    } finally {
      isOver.set(true);
    }
    filler.get();
    steps.run(b, browser, request -> assertTrue(items(request.getSession(), "list").contains(-1)));
  }

  /** Tomcat uses the objects of a request again for the next one on its connection. */
  @Test
  void noRequestSeesTheSessionOfTheOneBefore() throws Exception {
    begin();
    for (int n = 0; n < 10; n += 1) {
      assertEquals(List.of("one"), list(a));
      steps.run(a, new Browser(), request -> {
        assertNull(request.getSession(false));
        assertNull(request.getSession().getAttribute("list"));
      });
    }
  }
}
