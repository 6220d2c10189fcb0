package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import baton.tomcat.node.Application;
import baton.tomcat.node.Nodes;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServletRequest;
import org.junit.jupiter.api.Test;

/** Requests that go on when their thread has returned. */
class AsyncRequestTest extends Nodes {
  @Override
  protected Application application() {
    return new Application()
        .on("/set", (request, response) -> request.getSession().setAttribute("cart", "full"))
        .on("/get", (request, response) -> response.getWriter().print(request.getSession().getAttribute("cart")))
        .on("/complete", (request, response) -> {
          AsyncContext async = request.startAsync();
          async.start(() -> later(async, () -> {
            ((HttpServletRequest) async.getRequest()).getSession().setAttribute("cart", "by complete");
            async.complete();
          }));
        })
        .on("/write", (request, response) -> {
          AsyncContext async = request.startAsync();
          async.start(() -> later(async, () -> {
            ((HttpServletRequest) async.getRequest()).getSession().setAttribute("cart", "by write");
            async.getResponse().getWriter().print("x".repeat(20_000));
            async.complete();
          }));
        })
        .on("/dispatch", (request, response) -> {
          AsyncContext async = request.startAsync();
          async.start(() -> later(async, () -> async.dispatch("/dispatched")));
        })
        .on("/dispatched", (request, response) -> {
          request.getSession().setAttribute("cart", "by dispatch");
          response.getWriter().print("dispatched");
        })
        .on("/at-once", (request, response) -> {
          AsyncContext async = request.startAsync();
          request.getSession().setAttribute("cart", "at once");
          async.complete();
        })
        .on("/again", (request, response) -> {
          boolean isSecond = request.getAttribute("second") != null;
          request.setAttribute("second", true);
          AsyncContext async = request.startAsync();
          async.start(() -> later(async, () -> {
            if (isSecond) {
              ((HttpServletRequest) async.getRequest()).getSession().setAttribute("cart", "the second time");
              async.complete();
            } else {
              async.dispatch("/again");
            }
          }));
        })
        .on("/timeout", (request, response) -> {
          request.getSession().setAttribute("cart", "at the timeout");
          request.startAsync().setTimeout(50);
        });
  }

  private interface Step {
    void run() throws Exception;
  }

  private static void later(AsyncContext async, Step step) {
    try {
      Thread.sleep(30);
      step.run();
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private void assertWritten(String path, String value) throws Exception {
    assertEquals(200, browser.get(a, path).statusCode());
    assertEquals(value, browser.read(b, "/get"));
  }

  @Test
  void whatAThreadOfItsOwnSetsIsWrittenBeforeTheAnswerCompletes() throws Exception {
    browser.read(a, "/set");
    assertWritten("/complete", "by complete");
    assertWritten("/write", "by write");
    assertWritten("/dispatch", "by dispatch");
    assertWritten("/at-once", "at once");
    assertWritten("/again", "the second time");
  }

  @Test
  void aSessionMayBeginInAThreadOfItsOwn() throws Exception {
    assertWritten("/complete", "by complete");
  }

  @Test
  void whatWasSetBeforeATimeoutIsWritten() throws Exception {
    browser.read(a, "/set");
    browser.get(a, "/timeout");
    assertEquals("at the timeout", browser.read(b, "/get"));
  }

  @Test
  void asynchronousRequestsLeaveNothingBehind() throws Exception {
    browser.read(a, "/set");
    browser.get(a, "/complete");
    browser.get(a, "/again");
    long until = System.nanoTime() + 5_000_000_000L;
    while (a.manager().getActiveSessions() > 0 && System.nanoTime() < until) Thread.sleep(10);
    assertEquals(0, a.manager().getActiveSessions());
  }
}
