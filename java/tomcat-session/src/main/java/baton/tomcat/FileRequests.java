package baton.tomcat;

import java.util.Set;
import jakarta.servlet.ServletRequestListener;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Request;
import org.apache.tomcat.util.descriptor.web.FilterMap;

/** Requests for files that Tomcat itself answers, and in which no code of the application has a say: they need no session. */
final class FileRequests {
  private static final String SERVLET = "org.apache.catalina.servlets.DefaultServlet";
  /** Filters that ask for no session: ours, and Tomcat's own of WebSockets. */
  private static final Set<String> HARMLESS = Set.of(ForwardFilter.NAME, "Tomcat WebSocket (JSR356) Filter");

  private FileRequests() {}

  static boolean isOne(Request request) {
    Wrapper wrapper = request.getWrapper();
    if (wrapper == null || !SERVLET.equals(wrapper.getServletClass())) return false;
    Context context = request.getContext();
    return !isFiltered(context, wrapper.getName(), request.getRequestPathMB().toString())
        && !isListenedTo(context)
        && !isProtected(request, context);
  }

  private static boolean isFiltered(Context context, String servlet, String path) {
    for (FilterMap map : context.findFilterMaps()) {
      if (HARMLESS.contains(map.getFilterName())) continue;
      if (map.getMatchAllServletNames() || map.getMatchAllUrlPatterns()) return true;
      for (String name : map.getServletNames()) if (name.equals(servlet)) return true;
      for (String pattern : map.getURLPatterns()) if (matches(pattern, path)) return true;
    }
    return false;
  }

  /** The Servlet specification's patterns: a path, a folder with all below, or an ending. */
  private static boolean matches(String pattern, String path) {
    if (path == null || pattern.equals("/*")) return true;
    if (pattern.endsWith("/*")) {
      String folder = pattern.substring(0, pattern.length() - 2);
      return path.equals(folder) || path.startsWith(folder + "/");
    }
    return pattern.startsWith("*.") ? path.endsWith(pattern.substring(1)) : path.equals(pattern);
  }

  private static boolean isListenedTo(Context context) {
    Object[] listeners = context.getApplicationEventListeners();
    if (listeners == null) return false;
    for (Object listener : listeners) if (listener instanceof ServletRequestListener) return true;
    return false;
  }

  private static boolean isProtected(Request request, Context context) {
    return context.getRealm() != null && context.getRealm().findSecurityConstraints(request, context) != null;
  }
}
