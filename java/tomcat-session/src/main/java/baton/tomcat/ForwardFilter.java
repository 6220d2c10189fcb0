package baton.tomcat;

import java.io.IOException;
import java.util.function.Supplier;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.ServletResponseWrapper;
import jakarta.servlet.http.HttpServletResponse;
import org.apache.catalina.Context;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

/**
 * Tomcat's FORM authenticator forwards to the login page with its own response, not with the one that the valve has wrapped, and
 * closes it then. This filter of forwards leads such a page through the gate as well.
 */
final class ForwardFilter implements Filter {
  static final String NAME = "baton.tomcat.forwards";

  private final Supplier<RequestHold> current;

  private ForwardFilter(Supplier<RequestHold> current) {
    this.current = current;
  }

  /** Before all filters of the application. {@code current}: gives the request that the thread works for, or null. */
  static void install(Context context, Supplier<RequestHold> current) {
    if (context.findFilterDef(NAME) != null) return;
    FilterDef filter = new FilterDef();
    filter.setFilterName(NAME);
    filter.setFilterClass(ForwardFilter.class.getName());
    filter.setFilter(new ForwardFilter(current));
    filter.setAsyncSupported("true");
    context.addFilterDef(filter);
    FilterMap forwards = new FilterMap();
    forwards.setFilterName(NAME);
    forwards.addURLPattern("/*");
    forwards.setDispatcher(DispatcherType.FORWARD.name());
    context.addFilterMapBefore(forwards);
  }

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    RequestHold hold = current.get();
    if (hold == null || passesGate(response)) {
      chain.doFilter(request, response);
      return;
    }
    chain.doFilter(request, new CommitResponse((HttpServletResponse) response, hold));
    if (!hold.isHeadGone()) hold.beforeHead();
  }

  private static boolean passesGate(ServletResponse response) {
    ServletResponse one = response;
    while (!(one instanceof CommitResponse) && one instanceof ServletResponseWrapper) {
      one = ((ServletResponseWrapper) one).getResponse();
    }
    return one instanceof CommitResponse;
  }

  @Override
  public void init(FilterConfig config) {}

  @Override
  public void destroy() {}
}
