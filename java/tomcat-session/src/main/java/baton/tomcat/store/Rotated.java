package baton.tomcat.store;

import java.util.Map;

/** What became of a rotation. */
public final class Rotated {
  public enum Outcome {
    DONE,
    /** The session has another version than was asked for: nothing was done. */
    CONFLICT,
    DEAD
  }

  public static final Rotated CONFLICT = new Rotated(Outcome.CONFLICT, null);
  public static final Rotated DEAD = new Rotated(Outcome.DEAD, null);

  private final Outcome outcome;
  private final Map<String, byte[]> fields;

  private Rotated(Outcome outcome, Map<String, byte[]> fields) {
    this.outcome = outcome;
    this.fields = fields;
  }

  public static Rotated done(Map<String, byte[]> fields) {
    return new Rotated(Outcome.DONE, fields);
  }

  public Outcome outcome() {
    return outcome;
  }

  /** The session under its new key; null unless DONE. */
  public Map<String, byte[]> fields() {
    return fields;
  }
}
