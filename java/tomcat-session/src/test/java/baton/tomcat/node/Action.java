package baton.tomcat.node;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/** What an application answers to one path. */
@FunctionalInterface
public interface Action {
  void answer(HttpServletRequest request, HttpServletResponse response) throws Exception;
}
