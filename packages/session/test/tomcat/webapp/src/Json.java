package app;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpSession;
import java.util.Collections;
import java.util.StringJoiner;

/** As worker.js answers to /me. */
final class Json {
  private Json() {}

  static String me(HttpServletRequest request) {
    HttpSession session = request.getSession(false);
    StringJoiner attributes = new StringJoiner(",", "{", "}");
    if (session != null) {
      for (String name : Collections.list(session.getAttributeNames())) {
        attributes.add(text(name) + ":" + value(session.getAttribute(name)));
      }
    }
    return "{\"user\":" + value(request.getRemoteUser()) + ",\"attributes\":" + attributes + "}";
  }

  private static String value(Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
    return text(String.valueOf(value));
  }

  private static String text(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
