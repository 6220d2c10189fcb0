package baton.tomcat.store;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** How a link comes to its connection. Every setter gives this object. */
final class LinkPlan {
  private final RedisConnector connector;
  private final Timeouts timeouts;
  private final Tracking tracking;
  private final Supplier<CompletableFuture<RedisConnection>> open;
  private boolean wantsMaster;
  private Runnable onSeek = () -> {};
  private Runnable onFound = () -> {};

  /** {@code tracking}: null where there is no near cache. {@code open}: another connection, each time. */
  LinkPlan(
      RedisConnector connector,
      Timeouts timeouts,
      Tracking tracking,
      Supplier<CompletableFuture<RedisConnection>> open) {
    this.connector = connector;
    this.timeouts = timeouts;
    this.tracking = tracking;
    this.open = open;
  }

  /** A server that does not say of itself that it is a master is not taken. */
  LinkPlan mastersOnly() {
    wantsMaster = true;
    return this;
  }

  /** {@code seek}: whenever the server is looked for; {@code found}: whenever it is found. */
  LinkPlan telling(Runnable seek, Runnable found) {
    onSeek = seek;
    onFound = found;
    return this;
  }

  CompletableFuture<RedisConnection> open() {
    return open.get();
  }

  void later(Runnable work, long delayMs) {
    connector.later(work, delayMs);
  }

  Timeouts timeouts() {
    return timeouts;
  }

  /** null: none. */
  Tracking tracking() {
    return tracking;
  }

  boolean wantsMaster() {
    return wantsMaster;
  }

  Runnable onSeek() {
    return onSeek;
  }

  Runnable onFound() {
    return onFound;
  }
}
