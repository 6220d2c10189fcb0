package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Answers after {@code ms}: to a GET, which a balancer may send again elsewhere, and to a POST, which it may not. */
@WebServlet("/slow")
public final class SlowServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    long ms = milliseconds(request.getParameter("ms"));
    try {
      Thread.sleep(ms);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
    String where = ",\"release\":" + Json.quote(Here.RELEASE) + ",\"node\":" + Json.quote(Here.NODE);
    Answer.json(response, 200, "{\"waitedMs\":" + ms + where + "}");
  }

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    doGet(request, response);
  }

  private static long milliseconds(String text) {
    try {
      return Math.max(0, Math.min(Long.parseLong(text), 60_000));
    } catch (NumberFormatException none) {
      return 0;
    }
  }
}
