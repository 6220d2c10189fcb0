package app;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/** What is answered to one path: the text that it gives, if any. */
@FunctionalInterface
interface Action {
  String answer(HttpServletRequest request, HttpServletResponse response) throws Exception;
}
