package shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What a program wants to know of who is logged in. */
@WebServlet("/me")
public final class MeServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final Things cart = new Things("cart");

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    HttpSession session = request.getSession(false);
    StringBuilder json = new StringBuilder();
    json.append("{\"user\":").append(Json.quote(request.getRemoteUser()));
    json.append(",\"cart\":").append(Json.list(cart.in(session)));
    Memories.of(session).forEach((name, text) -> json.append(",\"").append(name).append("\":").append(Json.quote(text)));
    json.append(",\"unavailable\":").append(Json.list(unavailable(session)));
    json.append(",\"release\":").append(Json.quote(Here.RELEASE));
    json.append(",\"node\":").append(Json.quote(Here.NODE)).append("}");
    Answer.json(response, 200, json.toString());
  }

  /** Attributes that this release cannot read, as their class is of another one. */
  private static List<String> unavailable(HttpSession session) {
    List<String> names = new ArrayList<>();
    if (session == null) return names;
    for (String name : Collections.list(session.getAttributeNames())) {
      if (session.getAttribute(name) == null) names.add(name);
    }
    Collections.sort(names);
    return names;
  }
}
