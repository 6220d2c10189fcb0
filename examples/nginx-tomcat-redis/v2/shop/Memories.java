package shop;

import jakarta.servlet.http.HttpSession;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the shop keeps of a customer in classes of its own. An attribute that this release cannot read reads as null. */
final class Memories {
  private Memories() {}

  static void begin(HttpSession session) {
    session.setAttribute("taste", new Taste(3));
    visit(session);
  }

  static void visit(HttpSession session) {
    session.setAttribute("visit", new Visit(Instant.now(), Here.NODE));
  }

  static Map<String, String> of(HttpSession session) {
    Map<String, String> texts = new LinkedHashMap<>();
    if (session == null) return texts;
    Taste taste = (Taste) session.getAttribute("taste");
    if (taste != null) texts.put("taste", taste.toString());
    Visit visit = (Visit) session.getAttribute("visit");
    if (visit != null) texts.put("visit", visit.toString());
    return texts;
  }
}
