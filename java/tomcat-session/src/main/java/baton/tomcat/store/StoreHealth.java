package baton.tomcat.store;

/** Whether a store answers, as far as this process knows. */
public final class StoreHealth {
  private final boolean up;
  private final long sinceMs;

  public StoreHealth(boolean up, long sinceMs) {
    this.up = up;
    this.sinceMs = sinceMs;
  }

  public boolean isUp() {
    return up;
  }

  /** For how many milliseconds it has been so. */
  public long sinceMs() {
    return sinceMs;
  }
}
