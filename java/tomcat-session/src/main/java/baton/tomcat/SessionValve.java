package baton.tomcat;

import baton.tomcat.format.SessionException;
import java.io.IOException;
import java.util.regex.Pattern;
import jakarta.servlet.ServletException;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/**
 * Loads a request's session before the application runs, and writes it before the first byte of the answer leaves. If the
 * store cannot say whether there is a session, the request is answered with 503, the application is not run, and the
 * browser's cookie stays as it is. For a file no session is loaded, unless it is protected, or a filter of the
 * application has a say in it.
 *
 * <p>{@link SessionManager} brings one; it is configured only to say which requests have no session:
 *
 * <pre>{@code <Valve className="baton.tomcat.SessionValve" ignore=".*\.(css|js|png|svg|woff2)"/>}</pre>
 */
public class SessionValve extends ValveBase {
  private volatile Pattern ignore;

  public SessionValve() {
    super(true);
  }

  /** Regular expression for whole paths, without a query, of requests that need no session: nothing is loaded for them. */
  public void setIgnore(String pattern) {
    ignore = pattern == null || pattern.isEmpty() ? null : Pattern.compile(pattern);
  }

  public String getIgnore() {
    return ignore == null ? null : ignore.pattern();
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    Context context = request.getContext();
    if (context == null || !(context.getManager() instanceof SessionManager)) {
      getNext().invoke(request, response);
      return;
    }
    SessionManager manager = (SessionManager) context.getManager();
    manager.underWay().begin();
    try {
      invoke(manager, request, response);
    } finally {
      manager.underWay().end();
    }
  }

  private void invoke(SessionManager manager, Request request, Response response) throws IOException, ServletException {
    // It is there when an asynchronous request is dispatched again.
    RequestHold hold = RequestHold.of(request);
    if (hold == null) {
      if (isIgnored(request)) {
        request.setRequestedSessionId(null);
        getNext().invoke(request, response);
        return;
      }
      hold = new RequestHold(manager, request, response);
      if (!opened(hold)) return;
      response.setResponse(new CommitResponse(response.getResponse(), hold));
    }
    invokeWith(hold, request, response);
  }

  private void invokeWith(RequestHold hold, Request request, Response response) throws IOException, ServletException {
    if (!hold.begin()) {
      getNext().invoke(request, response);
      return;
    }
    try {
      getNext().invoke(request, response);
    } finally {
      hold.leave();
    }
  }

  private static boolean opened(RequestHold hold) throws IOException {
    try {
      hold.open();
      return true;
    } catch (SessionException error) {
      hold.refuse(error);
      return false;
    }
  }

  private boolean isIgnored(Request request) {
    Pattern pattern = ignore;
    return pattern != null && pattern.matcher(request.getDecodedRequestURI()).matches();
  }
}
