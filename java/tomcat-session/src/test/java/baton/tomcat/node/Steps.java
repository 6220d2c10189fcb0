package baton.tomcat.node;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Steps of a test that are done within a request, on whatever node, and may be under way at the same time. */
public final class Steps implements AutoCloseable {
  private static final long WAIT_S = 20;

  private final Map<String, Step> steps = new ConcurrentHashMap<>();
  private final AtomicInteger count = new AtomicInteger();
  private final ExecutorService pool = Executors.newCachedThreadPool();

  /** What it throws, assertions too, makes the answer a 500. */
  @FunctionalInterface
  public interface Step {
    void run(HttpServletRequest request) throws Exception;
  }

  /** For the path {@code /step} of an application. */
  public void answer(HttpServletRequest request, HttpServletResponse response) throws Exception {
    steps.remove(request.getParameter("n")).run(request);
  }

  /** A request that is answered when the step is done. Throws AssertionError unless it is answered well. */
  public HttpResponse<String> run(Site node, Browser browser, Step step) throws Exception {
    String n = "" + count.incrementAndGet();
    steps.put(n, step);
    HttpResponse<String> response = browser.get(node, "/step?n=" + n);
    if (response.statusCode() != 200) throw new AssertionError(response.statusCode() + " " + response.body());
    return response;
  }

  /** A request with the browser's session, beside others; of the answer, the browser takes nothing. */
  public CompletableFuture<HttpResponse<String>> begin(Site node, Browser browser, Step step) {
    Browser other = new Browser();
    other.session(browser.session());
    return async(() -> run(node, other, step));
  }

  /** A thread of a test, or of an application. */
  public <T> CompletableFuture<T> async(java.util.concurrent.Callable<T> work) {
    CompletableFuture<T> done = new CompletableFuture<>();
    pool.execute(
        () -> {
          try {
            done.complete(work.call());
          } catch (Throwable error) {
            done.completeExceptionally(error);
          }
        });
    return done.orTimeout(WAIT_S, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
