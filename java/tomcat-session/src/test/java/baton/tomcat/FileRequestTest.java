package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Browser;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.ErrorPage;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Requests that need no session load none: files, health checks, and what the configuration names. */
class FileRequestTest extends Nodes {
  private static final List<String> FILES = List.of("style.css", "read.txt", "write.txt", "protected.css");

  private boolean isAway;

  @Override
  protected Application application() {
    return new Application()
        .on("/set", (request, response) -> request.getSession().setAttribute("one", "1"))
        .on("/get", (request, response) -> response.getWriter().print(request.getSession().getAttribute("one")))
        .on("/end", (request, response) -> request.getSession().invalidate())
        .on("/error-page", (request, response) -> {
          response.getWriter().print(request.getSession().getAttribute("one"));
        })
        .on("/health", (request, response) -> response.getWriter().print("well"))
        .on("/api/ignored", (request, response) -> response.getWriter().print(request.getSession(false)));
  }

  @Override
  protected void configure(TomcatNode node) {
    node.manager().setLoadTimeout(1_000);
    node.manager().setCommitTimeout(1_000);
    SessionValve valve = new SessionValve();
    valve.setIgnore("/api/.*");
    node.context().getPipeline().addValve(valve);
    try {
      for (String name : FILES) Files.writeString(Path.of(node.context().getDocBase(), name), "file");
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    Tomcat.addServlet(node.context(), "files", "org.apache.catalina.servlets.DefaultServlet");
    for (String name : FILES) node.context().addServletMapping("/" + name, "files");
    node.context().addServletMapping("/missing.css", "files");
    ErrorPage page = new ErrorPage();
    page.setErrorCode(404);
    page.setLocation("/error-page");
    node.context().addErrorPage(page);
    node.askForLogin("/protected.css");
    FilterDef definition = new FilterDef();
    definition.setFilterName("asks");
    definition.setFilter(new Asking());
    definition.setFilterClass(Asking.class.getName());
    node.context().addFilterDef(definition);
    FilterMap map = new FilterMap();
    map.setFilterName("asks");
    map.addURLPattern("*.txt");
    node.context().addFilterMap(map);
  }

  /** Filters may want a session for files as well. */
  public static final class Asking implements Filter {
    @Override
    public void doFilter(ServletRequest any, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      HttpServletRequest request = (HttpServletRequest) any;
      if (request.getSession(false) != null && request.getServletPath().equals("/write.txt")) {
        request.getSession().setAttribute("one", "by a filter");
      }
      chain.doFilter(request, response);
    }

    @Override
    public void init(FilterConfig config) {}

    @Override
    public void destroy() {}
  }

  @AfterEach
  void bringRedisBack() throws Exception {
    if (!isAway) return;
    redis.run();
    long until = System.nanoTime() + 10_000_000_000L;
    while (!(a.manager().isStoreUp() && b.manager().isStoreUp()) && System.nanoTime() < until) Thread.sleep(20);
    isAway = false;
  }

  private void assertLoads(int count, String path, String body) throws Exception {
    long before = b.manager().getLoads();
    assertEquals(body, browser.read(b, path));
    assertEquals(count, b.manager().getLoads() - before);
  }

  @Test
  void aFileLoadsNoSession() throws Exception {
    browser.read(a, "/set");
    assertLoads(1, "/get", "1");
    assertLoads(0, "/style.css", "file");
    assertLoads(1, "/get", "1");
  }

  @Test
  void anErrorPageForAFileSeesTheSession() throws Exception {
    browser.read(a, "/set");
    HttpResponse<String> response = browser.get(b, "/missing.css");
    assertEquals("404 1", response.statusCode() + " " + response.body());
    assertTrue(response.headers().firstValue("Set-Cookie").isEmpty());
  }

  @Test
  void anErrorPageForAFileLogsNobodyOutWhoseIdHasEnded() throws Exception {
    browser.read(a, "/set");
    Browser late = new Browser();
    late.session(browser.session());
    browser.read(a, "/end");
    HttpResponse<String> response = late.get(b, "/missing.css");
    assertEquals("404 null", response.statusCode() + " " + response.body());
    assertTrue(response.headers().firstValue("Set-Cookie").isEmpty());
  }

  @Test
  void aHealthCheckLoadsNoSessionAndBeginsNone() throws Exception {
    assertLoads(0, "/health", "well");
    assertNull(browser.session());
  }

  @Test
  void whatTheConfigurationIgnoresHasNoSession() throws Exception {
    browser.read(a, "/set");
    assertLoads(0, "/api/ignored", "null");
    assertLoads(1, "/get", "1");
  }

  @Test
  void aFilterMayAskForTheSessionOfAFile() throws Exception {
    browser.read(a, "/set");
    assertLoads(1, "/read.txt", "file");
    assertLoads(1, "/write.txt", "file");
    assertEquals("by a filter", browser.read(a, "/get"));
    long until = System.nanoTime() + 5_000_000_000L;
    while (b.manager().getActiveSessions() > 0 && System.nanoTime() < until) Thread.sleep(10);
    assertEquals(0, b.manager().getActiveSessions());
  }

  @Test
  void whileRedisIsAwayAFileIsAnsweredUnlessItsSessionMatters() throws Exception {
    browser.read(a, "/set");
    isAway = true;
    redis.kill();
    assertEquals("file", browser.read(b, "/style.css"));
    for (String path : new String[] {"/read.txt", "/write.txt", "/protected.css"}) {
      HttpResponse<String> response = browser.get(b, path);
      assertEquals(503, response.statusCode(), path);
      assertTrue(response.headers().firstValue("Set-Cookie").isEmpty());
    }
    assertEquals("file", new Browser().read(b, "/read.txt"));
  }
}
