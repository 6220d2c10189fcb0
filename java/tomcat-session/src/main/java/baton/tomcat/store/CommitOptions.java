package baton.tomcat.store;

/** What a commit may be accompanied by. */
public final class CommitOptions {
  public static final CommitOptions NONE = new CommitOptions(null, null);

  private final String owner;
  private final String lock;

  /**
   * {@code owner}: whose list of sessions is to learn the new expiry, given only when a touch is due as well. {@code lock}:
   * the holder of the lock under which this is written; the commit throws {@code CONFLICT} if it has lost the lock.
   */
  public CommitOptions(String owner, String lock) {
    this.owner = owner;
    this.lock = lock;
  }

  /** null: nobody. */
  public String owner() {
    return owner;
  }

  /** null: without a lock. */
  public String lock() {
    return lock;
  }
}
