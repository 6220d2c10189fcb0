package baton.tomcat.store;

/** What became of a conditional update of one field. */
public final class Updated {
  public enum Outcome {
    DONE,
    /** Somebody else has changed the field: nothing was written. */
    CONFLICT,
    DEAD
  }

  public static final Updated DEAD = new Updated(Outcome.DEAD, 0, null);

  private final Outcome outcome;
  private final long version;
  private final byte[] value;

  private Updated(Outcome outcome, long version, byte[] value) {
    this.outcome = outcome;
    this.version = version;
    this.value = value;
  }

  public static Updated done(long version) {
    return new Updated(Outcome.DONE, version, null);
  }

  /** {@code value}: what the field has now; null for nothing. */
  public static Updated conflict(byte[] value) {
    return new Updated(Outcome.CONFLICT, 0, value);
  }

  public Outcome outcome() {
    return outcome;
  }

  /** The new version; 0 unless DONE. */
  public long version() {
    return version;
  }

  /** What the field has now, on CONFLICT; null: nothing. */
  public byte[] value() {
    return value;
  }
}
