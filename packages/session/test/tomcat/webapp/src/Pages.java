package app;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import javax.management.ObjectName;

/** A web application that does what it is asked to; the routes of worker.js among it, with the same answers. */
public final class Pages extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final transient Gate gate = new Gate();
  private final transient Map<String, Action> actions = new LinkedHashMap<>();

  public Pages() {
    actions.put("/none", (request, response) -> "none");
    actions.put("/login-page", (request, response) -> "please log in");
    actions.put("/login-failed", (request, response) -> "failed");
    actions.put("/account/me", (request, response) -> who(request));
    actions.put("/who", (request, response) -> who(request));
    actions.put("/me", (request, response) -> Json.me(request));
    actions.put("/login", Pages::logIn);
    actions.put("/logout", Pages::invalidate);
    actions.put("/logout-only", Pages::logOutOnly);
    actions.put("/logout-everywhere", Pages::logOutEverywhere);
    actions.put("/change-id", (request, response) -> request.changeSessionId());
    actions.put("/set", Pages::set);
    // Servlets have no update that is atomic between nodes: counted is elsewhere.
    actions.put("/set-and-count", Pages::set);
    actions.put("/show", (request, response) -> Types.show(request.getSession().getAttribute(request.getParameter("name"))));
    actions.put("/names", Pages::names);
    actions.put("/remove", (request, response) -> {
      request.getSession().removeAttribute(request.getParameter("name"));
      return "removed";
    });
    actions.put("/types", (request, response) -> Types.setAll(request.getSession()));
    actions.put("/step", (request, response) -> Types.stepAll(request.getSession()));
    actions.put("/show-all", (request, response) -> Types.showAll(request.getSession()));
    actions.put("/append", (request, response) -> Types.append(request.getSession(), request.getParameter("item")));
    actions.put("/parcel", (request, response) -> {
      request.getSession().setAttribute("parcel", new Parcel("books", 12));
      return "sent";
    });
    actions.put("/interval", Pages::interval);
    actions.put("/created", (request, response) -> String.valueOf(request.getSession().getCreationTime()));
    actions.put("/slow", Pages::slow);
    actions.put("/wait", gate::pass);
    actions.put("/has-come", gate::hasCome);
    actions.put("/let-go", gate::open);
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) throws ServletException, IOException {
    String path = request.getPathInfo();
    Action action = actions.get(path);
    if (action == null) {
      response.sendError(404, path);
      return;
    }
    response.setContentType("text/plain; charset=UTF-8");
    try {
      String text = action.answer(request, response);
      if (text != null) response.getWriter().print(text);
    } catch (IOException | ServletException | RuntimeException error) {
      throw error;
    } catch (Exception error) {
      throw new ServletException(error);
    }
  }

  private static String who(HttpServletRequest request) {
    return request.getRemoteUser() + " " + request.isUserInRole("buyer") + " " + request.getAuthType();
  }

  private static String logIn(HttpServletRequest request, HttpServletResponse response) throws Exception {
    // Tomcat remembers a login only if there is a session to remember it in.
    request.getSession();
    request.login(request.getParameter("user") == null ? "ann" : request.getParameter("user"), "secret");
    response.setStatus(303);
    response.setHeader("Location", "/me");
    return null;
  }

  private static String invalidate(HttpServletRequest request, HttpServletResponse response) {
    HttpSession session = request.getSession(false);
    if (session != null) session.invalidate();
    return "out";
  }

  private static String logOutOnly(HttpServletRequest request, HttpServletResponse response) throws Exception {
    request.logout();
    return who(request);
  }

  /** As an operator does, by JMX. */
  private static String logOutEverywhere(HttpServletRequest request, HttpServletResponse response) throws Exception {
    ObjectName manager = new ObjectName("Catalina:type=Manager,host=localhost,context=/");
    Object ended =
        ManagementFactory.getPlatformMBeanServer()
            .invoke(
                manager,
                "logOutEverywhere",
                new Object[] {request.getParameter("user")},
                new String[] {String.class.getName()});
    return String.valueOf(ended);
  }

  private static String set(HttpServletRequest request, HttpServletResponse response) {
    String value = request.getParameter("value");
    request.getSession().setAttribute(request.getParameter("name"), value == null ? "set" : value);
    return "set";
  }

  private static String names(HttpServletRequest request, HttpServletResponse response) {
    HttpSession session = request.getSession(false);
    if (session == null) return "none";
    Map<String, Boolean> sorted = new TreeMap<>();
    for (String name : Collections.list(session.getAttributeNames())) sorted.put(name, true);
    return String.join(" ", sorted.keySet());
  }

  private static String interval(HttpServletRequest request, HttpServletResponse response) {
    HttpSession session = request.getSession();
    String seconds = request.getParameter("seconds");
    if (seconds != null) session.setMaxInactiveInterval(Integer.parseInt(seconds));
    return String.valueOf(session.getMaxInactiveInterval());
  }

  private static String slow(HttpServletRequest request, HttpServletResponse response) throws InterruptedException {
    Thread.sleep(Long.parseLong(request.getParameter("ms")));
    request.getSession().setAttribute("slow", "true");
    return "slow";
  }
}
