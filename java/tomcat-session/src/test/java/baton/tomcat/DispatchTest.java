package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionId;
import baton.tomcat.node.Application;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.tomcat.util.descriptor.web.ErrorPage;
import org.junit.jupiter.api.Test;

/** One request, one write, however many parts of the application answer it, and however it ends. */
class DispatchTest extends Nodes {
  private static final String BIG = "x".repeat(100_000);

  private final CountDownLatch isGone = new CountDownLatch(1);

  @Override
  protected Application application() {
    return new Application()
        .on("/begin", (request, response) -> request.getSession().setAttribute("steps", ""))
        .on("/steps", (request, response) -> response.getWriter().print(request.getSession().getAttribute("steps")))
        .on("/leaf", (request, response) -> {
          step(request, "leaf");
          response.getWriter().print("leaf ");
        })
        .on("/forward", (request, response) -> {
          step(request, "forward");
          request.getRequestDispatcher("/leaf").forward(request, response);
          step(request, "after");
        })
        .on("/include", (request, response) -> {
          step(request, "include");
          request.getRequestDispatcher("/leaf").include(request, response);
          request.getRequestDispatcher("/leaf").include(request, response);
          response.getWriter().print("included");
        })
        .on("/not-found", (request, response) -> {
          step(request, "not-found");
          response.sendError(404);
        })
        .on("/failure", (request, response) -> {
          step(request, "failure");
          throw new IllegalStateException("on purpose");
        })
        .on("/error-page", (request, response) -> {
          step(request, "page");
          response.getWriter().print("sorry");
        })
        .on("/teapot", (request, response) -> {
          step(request, "teapot");
          response.sendError(418);
        })
        .on("/head", (request, response) -> step(request, request.getMethod()))
        .on("/not-modified", (request, response) -> {
          step(request, "304");
          response.setStatus(304);
        })
        .on("/gone", (request, response) -> {
          step(request, "gone");
          isGone.await(10, TimeUnit.SECONDS);
          try {
            for (int n = 0; n < 100; n += 1) {
              response.getWriter().print(BIG);
              response.flushBuffer();
            }
          } finally {
            step(request, "and so");
          }
        });
  }

  private static void step(HttpServletRequest request, String name) {
    Object steps = request.getSession().getAttribute("steps");
    request.getSession().setAttribute("steps", steps == null ? name : steps + " " + name);
  }

  @Override
  protected void configure(TomcatNode node) {
    for (int status : new int[] {404, 500}) {
      ErrorPage page = new ErrorPage();
      page.setErrorCode(status);
      page.setLocation("/error-page");
      node.context().addErrorPage(page);
    }
  }

  private int version() throws Exception {
    return Integer.parseInt(redis.cli("HGET", "app:s:" + SessionId.hash(browser.session()), "@v").get(0));
  }

  private void assertWritten(int times, String steps) throws Exception {
    assertEquals(steps, browser.read(b, "/steps"));
    assertEquals(1 + times, version());
  }

  @Test
  void aForwardIsWrittenBeforeItsAnswerAndWhatComesAfterwardsToo() throws Exception {
    browser.read(a, "/begin");
    assertEquals("leaf ", browser.read(a, "/forward"));
    // The answer is complete when a forward returns: what the application does then is one more write, behind it.
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (version() < 3 && System.nanoTime() < until) Thread.sleep(5);
    assertWritten(2, " forward leaf after");
  }

  @Test
  void includesAreWrittenOnce() throws Exception {
    browser.read(a, "/begin");
    assertEquals("leaf leaf included", browser.read(a, "/include"));
    assertWritten(1, " include leaf leaf");
  }

  @Test
  void anErrorIsWrittenBeforeItsAnswer() throws Exception {
    browser.read(a, "/begin");
    assertEquals(418, browser.get(a, "/teapot").statusCode());
    assertWritten(1, " teapot");
  }

  @Test
  void anErrorPageSeesTheSessionAndMayWriteToIt() throws Exception {
    browser.read(a, "/begin");
    HttpResponse<String> response = browser.get(a, "/not-found");
    assertEquals("404 sorry", response.statusCode() + " " + response.body());
    assertEquals(" not-found page", browser.read(b, "/steps"));
    response = browser.get(a, "/failure");
    assertEquals("500 sorry", response.statusCode() + " " + response.body());
    assertEquals(" not-found page failure page", browser.read(b, "/steps"));
  }

  @Test
  void aSessionMayBeginWithAnErrorPage() throws Exception {
    HttpResponse<String> response = browser.get(a, "/nowhere");
    assertEquals("404 sorry", response.statusCode() + " " + response.body());
    assertTrue(response.headers().firstValue("Set-Cookie").orElse("").endsWith("; SameSite=Lax"), "" + response.headers());
    assertEquals("page", browser.read(b, "/steps"));
  }

  @Test
  void answersWithoutABodyAreWrittenOnce() throws Exception {
    browser.read(a, "/begin");
    browser.head(a, "/head");
    assertWritten(1, " HEAD");
    assertEquals(304, browser.get(b, "/not-modified").statusCode());
    assertWritten(2, " HEAD 304");
  }

  @Test
  void aRequestWhoseClientHasGoneIsWritten() throws Exception {
    browser.read(a, "/begin");
    try (Socket client = new Socket("127.0.0.1", URI.create(a.url("/")).getPort())) {
      client.setSoLinger(true, 0);
      ask(client, "GET /gone HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=" + browser.session() + "\r\n\r\n");
    }
    isGone.countDown();
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!browser.read(b, "/steps").equals(" gone and so") && System.nanoTime() < until) Thread.sleep(10);
    assertEquals(" gone and so", browser.read(b, "/steps"));
  }

  private static void ask(Socket client, String request) throws IOException {
    OutputStream out = client.getOutputStream();
    out.write(request.getBytes(StandardCharsets.US_ASCII));
    out.flush();
  }
}
