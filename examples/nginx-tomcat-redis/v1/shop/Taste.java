package shop;

import java.io.Serializable;

/** What a customer likes. Release v2 has another class of this name, which cannot read this one. */
public final class Taste implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String drink;

  Taste(String drink) {
    this.drink = drink;
  }

  @Override
  public String toString() {
    return drink;
  }
}
