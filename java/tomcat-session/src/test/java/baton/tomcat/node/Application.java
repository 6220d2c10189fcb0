package baton.tomcat.node;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/** A web application of the tests: what it answers, by path. */
public final class Application extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final transient Map<String, Action> actions = new ConcurrentHashMap<>();

  public Application on(String path, Action action) {
    actions.put(path, action);
    return this;
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) throws ServletException {
    response.setCharacterEncoding("UTF-8");
    Object included = request.getAttribute(RequestDispatcher.INCLUDE_PATH_INFO);
    String path = included == null ? request.getServletPath() + part(request.getPathInfo()) : included.toString();
    Action action = actions.get(path);
    try {
      if (action == null) response.sendError(404, path);
      else action.answer(request, response);
    } catch (RuntimeException error) {
      throw error;
    } catch (Exception error) {
      throw new ServletException(error);
    }
  }

  private static String part(String pathInfo) {
    return pathInfo == null ? "" : pathInfo;
  }
}
