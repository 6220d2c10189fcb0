package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Http2Client;
import baton.tomcat.node.RedisProcess;
import baton.tomcat.node.TomcatNode;
import baton.tomcat.store.RespProxy;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.descriptor.web.ErrorPage;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No byte of an answer leaves before its session is written, in whatever way the application gives it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AnswerTest {
  private static final byte[] WHOLE = "whole".getBytes(StandardCharsets.US_ASCII);

  private final Browser browser = new Browser();
  private final Map<String, Integer> needed = new ConcurrentHashMap<>();
  private RedisProcess redis;
  private RespProxy proxy;
  private TomcatNode node;

  @BeforeAll
  void start() throws Exception {
    redis = RedisProcess.start();
    proxy = new RespProxy(redis.port());
    node = TomcatNode.start(redis, application(), this::configure);
    browser.read(node, "/nothing");
  }

  @AfterAll
  void stop() throws Exception {
    node.close();
    proxy.close();
    redis.close();
  }

  @AfterEach
  void release() throws IOException {
    proxy.release();
  }

  /** From here on Redis' answers wait: until one does, nothing of the session is known to be written. */
  private void change(ServletRequest request) {
    proxy.hold();
    ((HttpServletRequest) request).getSession().setAttribute("at", System.nanoTime());
  }

  private Application application() {
    return new Application()
        .on("/nothing", (request, response) -> request.getSession().setAttribute("at", 0L))
        .on("/empty", (request, response) -> change(request))
        .on("/short", (request, response) -> {
          change(request);
          response.getOutputStream().write(WHOLE);
        })
        .on("/length", (request, response) -> {
          change(request);
          response.setContentLength(WHOLE.length);
          response.getOutputStream().write(WHOLE);
        })
        .on("/length-by-bytes", (request, response) -> {
          response.setHeader("Content-Length", "" + WHOLE.length);
          for (byte one : WHOLE) {
            if (one == 'e') change(request);
            response.getOutputStream().write(one);
          }
        })
        .on("/length-by-chars", (request, response) -> {
          change(request);
          response.setContentLengthLong(WHOLE.length);
          response.getWriter().print("whole");
        })
        .on("/length-after-reset", (request, response) -> {
          response.getOutputStream().write(new byte[100]);
          response.reset();
          response.setContentLength(WHOLE.length);
          response.getOutputStream().write(WHOLE, 0, 4);
          change(request);
          response.getOutputStream().write(WHOLE, 4, 1);
        })
        .on("/length-of-nothing", (request, response) -> {
          change(request);
          response.setContentLength(0);
          response.getOutputStream().write(new byte[0]);
        })
        .on("/flush", (request, response) -> {
          change(request);
          response.flushBuffer();
        })
        .on("/flush-stream", (request, response) -> {
          change(request);
          response.getOutputStream().flush();
        })
        .on("/flush-writer", (request, response) -> {
          change(request);
          response.getWriter().flush();
        })
        .on("/close-stream", (request, response) -> {
          change(request);
          response.getOutputStream().close();
        })
        .on("/close-writer", (request, response) -> {
          change(request);
          response.getWriter().close();
        })
        .on("/full-of-bytes", (request, response) -> fill(request, response, () -> response.getOutputStream().write('.')))
        .on("/full-of-chars", (request, response) -> fill(request, response, () -> response.getWriter().print('.')))
        .on("/full-of-texts", (request, response) -> fill(request, response, () -> response.getWriter().print("a € 😀")))
        .on("/redirect", (request, response) -> {
          change(request);
          response.sendRedirect("/");
        })
        .on("/error", (request, response) -> {
          change(request);
          response.sendError(418);
        })
        .on("/error-page", (request, response) -> {
          change(request);
          response.setContentLength(WHOLE.length);
          response.getOutputStream().write(WHOLE);
        })
        .on("/not-modified", (request, response) -> {
          change(request);
          response.setStatus(304);
        })
        .on("/send-file", (request, response) -> {
          Path file = Path.of(node.context().getDocBase(), "large.txt");
          request.setAttribute("org.apache.tomcat.sendfile.filename", file.toString());
          request.setAttribute("org.apache.tomcat.sendfile.start", 0L);
          request.setAttribute("org.apache.tomcat.sendfile.end", Files.size(file));
          response.setContentLengthLong(Files.size(file));
          change(request);
        })
        .on("/forward", (request, response) -> request.getRequestDispatcher("/length").forward(request, response))
        .on("/include", (request, response) -> {
          response.setContentLength(WHOLE.length);
          request.getRequestDispatcher("/short").include(request, response);
        })
        .on("/async", (request, response) -> {
          AsyncContext async = request.startAsync();
          async.start(() -> {
            change(async.getRequest());
            try {
              async.getResponse().setContentLength(WHOLE.length);
              async.getResponse().getOutputStream().write(WHOLE);
            } catch (IOException error) {
              throw new UncheckedIOException(error);
            }
            async.complete();
          });
        })
        .on("/async-empty", (request, response) -> {
          AsyncContext async = request.startAsync();
          async.start(() -> {
            change(async.getRequest());
            async.complete();
          });
        })
        .on("/dispatch", (request, response) -> request.startAsync().dispatch("/length"))
        .on("/non-blocking", (request, response) -> {
          AsyncContext async = request.startAsync();
          async.getResponse().setContentLength(WHOLE.length);
          ServletOutputStream stream = async.getResponse().getOutputStream();
          stream.setWriteListener(new Whole(async, stream));
        });
  }

  /** The first time to see how much is needed until the headers leave, the second time to change the session just before. */
  private void fill(HttpServletRequest request, HttpServletResponse response, Step one) throws IOException {
    int last = needed.getOrDefault(request.getRequestURI(), 0);
    int count = 0;
    while (!response.isCommitted()) {
      count += 1;
      if (count == last) change(request);
      one.run();
    }
    needed.put(request.getRequestURI(), count);
    // The connection has buffers of its own.
    for (int more = 0; more < 50_000; more += 1) one.run();
  }

  private interface Step {
    void run() throws IOException;
  }

  private final class Whole implements WriteListener {
    private final AsyncContext async;
    private final ServletOutputStream stream;

    Whole(AsyncContext async, ServletOutputStream stream) {
      this.async = async;
      this.stream = stream;
    }

    @Override
    public void onWritePossible() throws IOException {
      change(async.getRequest());
      if (stream.isReady()) stream.write(WHOLE);
      async.complete();
    }

    @Override
    public void onError(Throwable error) {
      async.complete();
    }
  }

  private void configure(TomcatNode starting) {
    starting.manager().setStore(proxy.url());
    starting.connector().setProperty("compression", "force");
    starting.connector().addUpgradeProtocol(new Http2Protocol());
    try {
      Files.writeString(Path.of(starting.context().getDocBase(), "small.txt"), "whole");
      Files.writeString(Path.of(starting.context().getDocBase(), "large.txt"), "x".repeat(100_000) + "whole");
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    Tomcat.addServlet(starting.context(), "files", "org.apache.catalina.servlets.DefaultServlet");
    for (String name : new String[] {"/small.txt", "/large.txt"}) starting.context().addServletMapping(name, "files");
    ErrorPage page = new ErrorPage();
    page.setErrorCode(404);
    page.setLocation("/error-page");
    starting.context().addErrorPage(page);
    FilterDef definition = new FilterDef();
    definition.setFilterName("changes");
    definition.setFilter(new Changing());
    definition.setFilterClass(Changing.class.getName());
    starting.context().addFilterDef(definition);
    FilterMap map = new FilterMap();
    map.setFilterName("changes");
    map.addURLPattern("*.txt");
    starting.context().addFilterMap(map);
  }

  private final class Changing implements Filter {
    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      change(request);
      chain.doFilter(request, response);
    }

    @Override
    public void init(FilterConfig config) {}

    @Override
    public void destroy() {}
  }

  private void awaitWrite() throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (proxy.held() == 0) {
      assertTrue(System.nanoTime() < until, "nothing was written");
      Thread.sleep(1);
    }
  }

  private String answer(String method, String path, String more) throws Exception {
    try (Socket client = new Socket("127.0.0.1", node.port())) {
      String head = method + " " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + more;
      String request = head + "Cookie: JSESSIONID=" + browser.session() + "\r\n\r\n";
      client.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      awaitWrite();
      assertEquals(0, client.getInputStream().available(), "bytes have left");
      proxy.release();
      return new String(client.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "/short", "/length", "/length-by-bytes", "/length-by-chars", "/length-after-reset", "/forward", "/include", "/async",
    "/dispatch", "/non-blocking", "/small.txt", "/large.txt", "/send-file",
  })
  void anAnswerWithABodyLeavesWhenItsSessionIsWritten(String path) throws Exception {
    String answer = answer("GET", path, "");
    assertTrue(answer.startsWith("HTTP/1.1 200 ") && answer.contains("whole"), answer);
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "/empty", "/length-of-nothing", "/flush", "/flush-stream", "/flush-writer", "/close-stream", "/close-writer", "/async-empty",
  })
  void anAnswerWithoutOneDoesSoToo(String path) throws Exception {
    String answer = answer("GET", path, "");
    assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/full-of-bytes", "/full-of-chars", "/full-of-texts"})
  void headersThatAFullBufferSendsDoSoToo(String path) throws Exception {
    browser.read(node, path);
    String answer = answer("GET", path, "");
    assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
  }

  @ParameterizedTest
  @ValueSource(strings = {"302 /redirect", "418 /error", "404 /nowhere", "304 /not-modified"})
  void anotherStatusDoesSoToo(String expected) throws Exception {
    String answer = answer("GET", expected.substring(4), "");
    assertTrue(answer.startsWith("HTTP/1.1 " + expected.substring(0, 3) + " "), answer);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/length", "/small.txt", "/flush"})
  void headersAloneDoSoToo(String path) throws Exception {
    String answer = answer("HEAD", path, "");
    assertTrue(answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("\r\n\r\n"), answer);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/length", "/large.txt"})
  void aCompressedAnswerDoesSoToo(String path) throws Exception {
    String answer = answer("GET", path, "Accept-Encoding: gzip\r\n");
    assertTrue(answer.toLowerCase(java.util.Locale.ROOT).contains("content-encoding: gzip"), answer);
  }

  @Test
  void anAnswerByHttp2DoesSoToo() throws Exception {
    try (Http2Client client = new Http2Client(node.port())) {
      client.get("/length", "JSESSIONID=" + browser.session());
      awaitWrite();
      assertEquals(0, client.answersThatCame(), "headers have left");
      proxy.release();
      assertEquals("whole", client.body());
    }
  }
}
