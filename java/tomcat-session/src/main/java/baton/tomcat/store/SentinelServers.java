package baton.tomcat.store;

import java.util.concurrent.CompletableFuture;

/**
 * The master that the sentinels name, and that says of itself that it is one. They are asked with each attempt to connect, and
 * every second: a master that was cut off from its sentinels, and not from us, is left once they have another one.
 */
final class SentinelServers extends SingleServer {
  private static final long WATCH_MS = 1_000;

  private final RedisConnector connector;
  private final Way way;

  SentinelServers(RedisConnector connector, RedisUrl url, Timeouts timeouts, Tracking tracking) {
    this(connector, new Way(connector, url, timeouts), timeouts, tracking);
  }

  private SentinelServers(RedisConnector connector, Way way, Timeouts timeouts, Tracking tracking) {
    super(connector, new LinkPlan(connector, timeouts, tracking, way::open).mastersOnly());
    this.connector = connector;
    this.way = way;
    connector.later(this::watch, WATCH_MS);
  }

  @Override
  public void close() {
    way.sentinels.close();
    super.close();
  }

  private void watch() {
    if (link().isClosed()) return;
    connector.later(this::watch, WATCH_MS);
    RedisConnection connection = link().current();
    RedisAddress before = way.current;
    if (connection == null || before == null) return;
    way.sentinels
        .master()
        .thenAccept(
            now -> {
              if (way.current == before && !now.equals(before)) link().renew(connection, "the sentinels have another master");
            });
  }

  /** To the master. */
  private static final class Way {
    private final RedisConnector connector;
    private final RedisUrl url;
    private final RedisSentinels sentinels;
    private volatile RedisAddress current;

    Way(RedisConnector connector, RedisUrl url, Timeouts timeouts) {
      this.connector = connector;
      this.url = url;
      sentinels = new RedisSentinels(connector, url, timeouts);
    }

    CompletableFuture<RedisConnection> open() {
      return sentinels
          .master()
          .thenCompose(
              master -> {
                current = master;
                return connector.connect(master, url.login(), url.database());
              });
    }
  }
}
