package baton.tomcat.store;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** What the store needs of Redis, be it one server, a master that Sentinel names, or a cluster. */
interface RedisServers extends AutoCloseable {
  /** Which budget a call has. */
  enum Kind {
    /** May be sent again if its connection is lost meanwhile. */
    LOAD,
    /** May have happened: is never sent twice. */
    COMMIT
  }

  /** {@code tracking}: null where there is no near cache. */
  static RedisServers open(RedisUrl url, Timeouts timeouts, Tracking tracking) {
    RedisConnector connector = new RedisConnector(url, timeouts);
    if (tracking != null) tracking.watch(connector);
    switch (url.topology()) {
      case SENTINEL:
        return new SentinelServers(connector, url, timeouts, tracking);
      case CLUSTER:
        return new ClusterServers(connector, url, timeouts, tracking);
      default:
        return new SingleServer(connector, url, timeouts, tracking);
    }
  }

  /** Whether two keys may be on two servers, so that no script and no transaction can touch both. */
  boolean isCluster();

  /**
   * Sends commands about one key in one write, and gives what {@code read} makes of their replies, of which none is an
   * error. Throws {@link SessionStoreException} when the budget is over, when the connection is lost, and if a reply is an
   * error.
   */
  <T> T run(Kind kind, String key, List<RedisCommand> commands, Function<List<Object>, T> read);

  /** The same without waiting; the future fails as {@code run} throws. */
  CompletableFuture<Void> send(String key, List<RedisCommand> commands);

  /** The servers that hold keys, by names that stay the same. */
  List<String> masters();

  /** Like {@code run}, on one of the masters. */
  <T> T runOn(String master, Kind kind, List<RedisCommand> commands, Function<List<Object>, T> read);

  StoreHealth health();

  @Override
  void close();
}
