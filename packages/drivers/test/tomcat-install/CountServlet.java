import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.*;
import java.io.IOException;

/** Counts the requests of a session. */
@WebServlet("/count")
public class CountServlet extends HttpServlet {
  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    HttpSession session = request.getSession();
    Integer before = (Integer) session.getAttribute("count");
    session.setAttribute("count", before == null ? 1 : before + 1);
    response.getWriter().print(session.getAttribute("count"));
  }
}
