package shop;

import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The shop, of which page.template is the frame. */
@WebServlet("")
public final class PageServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;
  private static final List<String> GOODS =
      List.of("Green tea", "Oat biscuits", "Plum jam", "Rye bread", "Sea salt", "Wild honey");

  private final Things cart = new Things("cart");
  private String frame;

  @Override
  public void init() throws ServletException {
    try (InputStream file = PageServlet.class.getResourceAsStream("/page.template")) {
      frame = new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException error) {
      throw new ServletException(error);
    }
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    HttpSession session = request.getSession(false);
    String user = request.getRemoteUser();
    if (user != null && session != null) Memories.visit(session);
    String page =
        frame
            .replace("{brand}", Look.BRAND)
            .replace("{tint}", Look.TINT)
            .replace("{slogan}", Look.SLOGAN)
            .replace("{release}", escaped(Here.RELEASE))
            .replace("{node}", escaped(Here.NODE))
            .replace("{goods}", goods())
            .replace("{extra}", Look.extra(session))
            // Last, as they hold what users have typed.
            .replace("{door}", user == null ? Look.DOOR : Look.GREETING.replace("{user}", escaped(user)))
            .replace("{cart}", list(cart.in(session), "Nothing in it yet."));
    response.setContentType("text/html");
    response.setCharacterEncoding("UTF-8");
    response.getWriter().print(page);
  }

  private static String goods() {
    StringBuilder html = new StringBuilder();
    for (String name : GOODS) html.append(Look.GOOD.replace("{name}", name));
    return html.toString();
  }

  static String list(List<String> things, String empty) {
    if (things.isEmpty()) return "<p class=\"empty\">" + empty + "</p>";
    StringBuilder html = new StringBuilder("<ol>");
    for (String thing : things) html.append("<li>").append(escaped(thing)).append("</li>");
    return html.append("</ol>").toString();
  }

  private static String escaped(String text) {
    StringBuilder html = new StringBuilder();
    for (char each : text.toCharArray()) {
      if ("&<>\"'{}".indexOf(each) < 0) html.append(each);
      else html.append("&#").append((int) each).append(';');
    }
    return html.toString();
  }
}
