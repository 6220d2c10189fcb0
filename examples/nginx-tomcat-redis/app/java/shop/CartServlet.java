package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;

@WebServlet("/cart")
public final class CartServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final Things cart = new Things("cart");

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    String item = Input.text(request, "item");
    if (item == null) {
      Answer.badRequest(response, "item: 1 to 64 characters");
      return;
    }
    HttpSession session = request.getSession();
    cart.add(session, item);
    Answer.done(request, response, "{\"cart\":" + Json.list(cart.in(session)) + "}");
  }
}
