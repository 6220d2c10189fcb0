package shop;

import java.io.Serializable;
import java.time.Instant;

/** When a customer last looked at the page. Release v2 knows where, too. */
public final class Visit implements Serializable {
  private static final long serialVersionUID = 1L;

  private final Instant at;

  Visit(Instant at) {
    this.at = at;
  }

  @Override
  public String toString() {
    return at.toString();
  }
}
