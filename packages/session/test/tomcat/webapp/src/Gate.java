package app;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Where a request waits, in the middle of what it does, until another lets it go on. */
final class Gate {
  private static final class Pair {
    final CountDownLatch came = new CountDownLatch(1);
    final CountDownLatch opened = new CountDownLatch(1);
  }

  private final Map<String, Pair> pairs = new ConcurrentHashMap<>();

  /** Looks at its session, waits, and writes then; or, with {@code before}, writes before that as well. */
  String pass(HttpServletRequest request, HttpServletResponse response) throws InterruptedException {
    HttpSession session = request.getSession();
    session.getAttribute("late");
    if (request.getParameter("before") != null) session.setAttribute(request.getParameter("before"), "before");
    Pair pair = pair(request);
    pair.came.countDown();
    if (!pair.opened.await(20, TimeUnit.SECONDS)) throw new IllegalStateException("nobody let it go on");
    session.setAttribute("late", "late");
    return "late";
  }

  /** Answers when the request has come so far. */
  String hasCome(HttpServletRequest request, HttpServletResponse response) throws InterruptedException {
    return String.valueOf(pair(request).came.await(20, TimeUnit.SECONDS));
  }

  String open(HttpServletRequest request, HttpServletResponse response) {
    pair(request).opened.countDown();
    return "go";
  }

  private Pair pair(HttpServletRequest request) {
    return pairs.computeIfAbsent(request.getParameter("gate"), name -> new Pair());
  }
}
