package shop;

import java.io.Serializable;

/** Where a customer came from. Release v2 has no such class any more. */
public final class Trail implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String from;

  Trail(String from) {
    this.from = from;
  }

  @Override
  public String toString() {
    return from;
  }
}
