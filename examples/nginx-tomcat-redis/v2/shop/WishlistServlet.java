package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;

/** New in this release. Sessions that began in v1 get wishes like all others. */
@WebServlet("/wishlist")
public final class WishlistServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final Things wishes = new Things("wish");

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    String item = Input.text(request, "item");
    if (item == null) {
      Answer.badRequest(response, "item: 1 to 64 characters");
      return;
    }
    HttpSession session = request.getSession();
    wishes.add(session, item);
    Answer.done(request, response, "{\"wishlist\":" + Json.list(wishes.in(session)) + "}");
  }
}
