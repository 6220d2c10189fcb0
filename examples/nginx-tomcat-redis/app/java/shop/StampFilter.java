package shop;

import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.annotation.WebFilter;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Every answer says who gave it. */
@WebFilter(urlPatterns = "/*", asyncSupported = true)
public final class StampFilter implements Filter {
  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain rest)
      throws IOException, ServletException {
    HttpServletResponse answer = (HttpServletResponse) response;
    answer.setHeader("Baton-Release", Here.RELEASE);
    answer.setHeader("Baton-Node", Here.NODE);
    rest.doFilter(request, response);
  }
}
