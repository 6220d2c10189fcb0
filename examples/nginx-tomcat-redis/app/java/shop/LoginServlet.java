package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;

/** For programs, which know the password; people log in at /account. */
@WebServlet("/login")
public final class LoginServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response)
      throws IOException, ServletException {
    String user = Input.text(request, "user");
    if (user == null) {
      Answer.badRequest(response, "user: a name of 1 to 64 characters");
      return;
    }
    // The Servlet API logs nobody in where somebody is, and keeps a login only where there is a session.
    if (request.getRemoteUser() != null) request.getSession().invalidate();
    HttpSession session = request.getSession();
    if (request.getRemoteUser() != null) request.logout();
    request.login(user, Doorman.PASSWORD);
    Memories.begin(session);
    Answer.done(request, response, "{\"user\":" + Json.quote(user) + "}");
  }
}
