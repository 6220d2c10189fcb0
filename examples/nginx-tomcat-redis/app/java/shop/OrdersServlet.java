package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

@WebServlet("/orders")
public final class OrdersServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final OrderFile orders = new OrderFile();

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    String id = Input.text(request, "id");
    if (id == null) {
      Answer.badRequest(response, "id: 1 to 64 characters");
      return;
    }
    orders.add(id, request.getRemoteUser());
    Answer.json(response, 201, "{\"id\":" + Json.quote(id) + "}");
  }

  @Override
  public void destroy() {
    orders.close();
  }
}
