package shop;

import java.io.Serializable;
import java.time.Instant;

/** When a customer last looked at the page, and where: null if that was in v1, which did not note it. */
public final class Visit implements Serializable {
  private static final long serialVersionUID = 1L;

  private final Instant at;
  private final String node;

  Visit(Instant at, String node) {
    this.at = at;
    this.node = node;
  }

  @Override
  public String toString() {
    return at + " " + (node == null ? "somewhere" : node);
  }
}
