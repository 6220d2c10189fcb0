package baton.tomcat.store;

/** What a reader needs of a session; only a near cache minds it. */
public final class Wanted {
  public static final Wanted NORMAL = new Wanted(false, 0, false);
  /** Straight from the store, whatever is cached. */
  public static final Wanted FRESH = new Wanted(true, 0, false);

  private final boolean fresh;
  private final long atLeast;
  private final boolean staleOk;

  private Wanted(boolean fresh, long atLeast, boolean staleOk) {
    this.fresh = fresh;
    this.atLeast = atLeast;
    this.staleOk = staleOk;
  }

  /** A version ({@code @v}) that this client has seen committed: nothing older will do. */
  public Wanted atLeast(long version) {
    return new Wanted(fresh, version, staleOk);
  }

  /** While the store is away, a cached session will do though it is older than the cache's maximum age. */
  public Wanted staleOk() {
    return new Wanted(fresh, atLeast, true);
  }

  public boolean isFresh() {
    return fresh;
  }

  public long least() {
    return atLeast;
  }

  public boolean isStaleOk() {
    return staleOk;
  }
}
