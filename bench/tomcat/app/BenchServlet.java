import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the bench asks for: a session of so many bytes, a read of it, a write to it. */
@WebServlet({"/begin", "/read", "/write", "/health"})
public class BenchServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    response.setContentType("text/plain");
    response.getWriter().print(answer(request));
  }

  private static Object answer(HttpServletRequest request) {
    switch (request.getServletPath()) {
      case "/begin":
        return begin(request.getSession(), Integer.parseInt(request.getParameter("bytes")));
      case "/read":
        return ((Map<?, ?>) request.getSession(false).getAttribute("user")).get("name");
      case "/write":
        HttpSession session = request.getSession(false);
        int visits = (Integer) session.getAttribute("visits") + 1;
        session.setAttribute("visits", visits);
        return visits;
      default:
        return "ok";
    }
  }

  /** Who it is, a counter, and ten attributes as shops have them. */
  private static String begin(HttpSession session, int bytes) {
    session.setAttribute("user", new HashMap<>(Map.of("name", "ann", "since", 2019)));
    session.setAttribute("visits", 0);
    int lines = Math.max(1, (bytes - 200) / 10 / 42);
    for (int part = 0; part < 10; part++) session.setAttribute("part" + part, part(lines));
    return "begun";
  }

  private static List<Map<String, Object>> part(int lines) {
    List<Map<String, Object>> part = new ArrayList<>();
    for (int i = 0; i < lines; i++) {
      part.add(new HashMap<>(Map.of("sku", "article-" + (1000 + i), "n", i % 9, "eur", 9.5 + i % 90)));
    }
    return part;
  }
}
