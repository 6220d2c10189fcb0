package shop;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Answers that several pages give. */
final class Answer {
  private Answer() {}

  static void json(HttpServletResponse response, int status, String json) throws IOException {
    response.setStatus(status);
    response.setContentType("application/json");
    response.setCharacterEncoding("UTF-8");
    response.getWriter().print(json);
  }

  static void badRequest(HttpServletResponse response, String why) throws IOException {
    json(response, 400, "{\"error\":" + Json.quote(why) + "}");
  }

  /** A browser's form goes back to the page, a program gets JSON. */
  static void done(HttpServletRequest request, HttpServletResponse response, String json) throws IOException {
    if (Input.isForm(request)) home(request, response);
    else json(response, 200, json);
  }

  static void home(HttpServletRequest request, HttpServletResponse response) {
    response.setStatus(303);
    response.setHeader("Location", request.getContextPath() + "/");
  }
}
