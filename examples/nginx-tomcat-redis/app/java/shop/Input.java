package shop;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** What a form, or a program that sends JSON, has to say. */
final class Input {
  private static final int MAX_BODY = 65_536;

  private Input() {}

  /** 1 to 64 characters, or null. */
  static String text(HttpServletRequest request, String name) throws IOException {
    String text = isForm(request) ? request.getParameter(name) : Json.field(body(request), name);
    return text == null || text.isEmpty() || text.length() > 64 ? null : text;
  }

  static boolean isForm(HttpServletRequest request) {
    String type = request.getContentType();
    return type != null && type.startsWith("application/x-www-form-urlencoded");
  }

  private static String body(HttpServletRequest request) throws IOException {
    return new String(request.getInputStream().readNBytes(MAX_BODY), StandardCharsets.UTF_8);
  }
}
