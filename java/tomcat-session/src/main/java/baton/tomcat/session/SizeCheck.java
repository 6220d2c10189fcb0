package baton.tomcat.session;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.Change;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Holds a session to its limits. What makes a session smaller is never refused, so that one that is too large can be mended. */
final class SizeCheck {
  private SizeCheck() {}

  /** Throws {@link SessionException} {@code TOO_LARGE}. */
  static void check(Limits limits, Map<String, byte[]> before, Change change) {
    long bytesMore = 0;
    int attributesMore = 0;
    for (Map.Entry<String, byte[]> entry : change.set().entrySet()) {
      String field = entry.getKey();
      if (!isCounted(field)) continue;
      int bytes = entry.getValue().length;
      if (bytes > limits.attributeBytes()) {
        throw tooLarge("attribute \"" + field.substring(1) + "\" takes " + bytes + " bytes", limits.attributeBytes());
      }
      byte[] old = before.get(field);
      bytesMore += bytes - (old == null ? -length(field) : old.length);
      if (old == null) attributesMore += 1;
    }
    for (String field : change.remove()) {
      byte[] old = before.get(field);
      if (old == null || !isCounted(field)) continue;
      bytesMore -= old.length + length(field);
      attributesMore -= 1;
    }
    if (bytesMore <= 0 && attributesMore <= 0) return;
    long bytes = bytesMore;
    int attributes = attributesMore;
    for (Map.Entry<String, byte[]> entry : before.entrySet()) {
      if (!isCounted(entry.getKey())) continue;
      bytes += entry.getValue().length + length(entry.getKey());
      attributes += 1;
    }
    if (bytesMore > 0 && bytes > limits.sessionBytes()) {
      throw tooLarge("the session takes " + bytes + " bytes", limits.sessionBytes());
    }
    if (attributesMore > 0 && attributes > limits.attributes()) {
      throw tooLarge("the session has " + attributes + " attributes", limits.attributes());
    }
  }

  /** Attributes, and notes of the container, which may hold what a client sent. */
  private static boolean isCounted(String field) {
    return field.startsWith(".") || field.startsWith("@j.");
  }

  private static int length(String field) {
    return field.getBytes(StandardCharsets.UTF_8).length;
  }

  private static SessionException tooLarge(String what, int limit) {
    return new SessionException(
        SessionException.Code.TOO_LARGE,
        what + ", and " + limit + " are allowed; nothing was stored: keep large data in a database, and its key in the session");
  }
}
