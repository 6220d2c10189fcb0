package baton.tomcat.store;

/** Whether a store answers, as far as this process knows. */
public final class StoreHealth {
  private final boolean up;
  private final boolean starting;
  private final long sinceMs;

  public StoreHealth(boolean up, boolean starting, long sinceMs) {
    this.up = up;
    this.starting = starting;
    this.sinceMs = sinceMs;
  }

  public boolean isUp() {
    return up;
  }

  /** Whether that is not known yet: nothing was heard from it, not even that it is not there. */
  public boolean isStarting() {
    return starting;
  }

  /** For how many milliseconds it has been so. */
  public long sinceMs() {
    return sinceMs;
  }
}
