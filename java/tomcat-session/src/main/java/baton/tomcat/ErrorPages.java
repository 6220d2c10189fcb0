package baton.tomcat;

import jakarta.servlet.RequestDispatcher;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;

/** Pages of the application that Tomcat shows in the place of an answer that is an error. */
final class ErrorPages {
  private static final int ANY_ERROR = 0;

  private ErrorPages() {}

  static boolean isShownFor(Request request, Response response) {
    Context context = request.getContext();
    if (!response.isError() || context == null) return false;
    Object thrown = request.getAttribute(RequestDispatcher.ERROR_EXCEPTION);
    return context.findErrorPage(response.getStatus()) != null
        || context.findErrorPage(ANY_ERROR) != null
        || (thrown instanceof Throwable && context.findErrorPage((Throwable) thrown) != null);
  }
}
