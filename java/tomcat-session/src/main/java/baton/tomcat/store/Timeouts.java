package baton.tomcat.store;

/** Budgets of one call, in milliseconds, all waiting included. */
public final class Timeouts {
  public static final Timeouts DEFAULT = new Timeouts(1_000, 250, 500);

  private final long connectMs;
  private final long loadMs;
  private final long commitMs;

  public Timeouts(long connectMs, long loadMs, long commitMs) {
    this.connectMs = connectMs;
    this.loadMs = loadMs;
    this.commitMs = commitMs;
  }

  public long connectMs() {
    return connectMs;
  }

  public long loadMs() {
    return loadMs;
  }

  public long commitMs() {
    return commitMs;
  }
}
