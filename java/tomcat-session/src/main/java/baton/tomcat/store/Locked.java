package baton.tomcat.store;

/** What became of an attempt to take a session's lock. */
public final class Locked {
  public enum Outcome {
    DONE,
    /** Another holder has it. */
    TAKEN,
    DEAD
  }

  public static final Locked TAKEN = new Locked(Outcome.TAKEN, null);
  public static final Locked DEAD = new Locked(Outcome.DEAD, null);

  private final Outcome outcome;
  private final Stored stored;

  private Locked(Outcome outcome, Stored stored) {
    this.outcome = outcome;
    this.stored = stored;
  }

  public static Locked done(Stored stored) {
    return new Locked(Outcome.DONE, stored);
  }

  public Outcome outcome() {
    return outcome;
  }

  /** The session as it is under the lock; null unless DONE. */
  public Stored stored() {
    return stored;
  }
}
