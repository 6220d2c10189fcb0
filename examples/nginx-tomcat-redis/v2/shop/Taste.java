package shop;

import java.io.Serializable;

/** What a customer likes. Not what it was in v1: neither release can read what the other keeps. */
public final class Taste implements Serializable {
  private static final long serialVersionUID = 2L;

  private final int sweetness;

  Taste(int sweetness) {
    this.sweetness = sweetness;
  }

  @Override
  public String toString() {
    return "sweet " + sweetness;
  }
}
