package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintWriter;

/** Server-sent events, four a second. */
@WebServlet("/events")
public final class EventsServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private volatile boolean isStopping;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    response.setContentType("text/event-stream");
    response.setHeader("Cache-Control", "no-store");
    PrintWriter out = response.getWriter();
    String where = ",\"release\":" + Json.quote(Here.RELEASE) + ",\"node\":" + Json.quote(Here.NODE);
    // checkError flushes, and tells when the browser is gone.
    for (int tick = 1; !isStopping && !out.checkError(); tick += 1) {
      out.print("data: {\"tick\":" + tick + where + "}\n\n");
      out.flush();
      pause();
    }
    if (isStopping) out.print("event: bye\ndata: {}\n\n");
  }

  @Override
  public void destroy() {
    isStopping = true;
  }

  private void pause() {
    try {
      Thread.sleep(250);
    } catch (InterruptedException stopped) {
      isStopping = true;
    }
  }
}
