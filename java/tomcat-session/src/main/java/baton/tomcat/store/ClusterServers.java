package baton.tomcat.store;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A Redis Cluster: each key on the master that has its slot. */
final class ClusterServers implements RedisServers {
  /** {@code MOVED 3999 127.0.0.1:6381}, {@code ASK …}; IPv6 is written without brackets there. */
  private static final Pattern REDIRECT = Pattern.compile("(?:MOVED|ASK) (\\d+) (.*):(\\d+)");

  private final RedisConnector connector;
  private final ClusterLinks links;
  private final RedisRunner runner;

  ClusterServers(RedisConnector connector, RedisUrl url, Timeouts timeouts, Tracking tracking) {
    this.connector = connector;
    links = new ClusterLinks(connector, url, timeouts, tracking);
    runner = new RedisRunner(timeouts, connector.executor(), new Router());
  }

  @Override
  public boolean isCluster() {
    return true;
  }

  @Override
  public <T> T run(Kind kind, String key, List<RedisCommand> commands, Function<List<Object>, T> read) {
    return runner.run(links.of(key), kind, key, commands, read);
  }

  @Override
  public CompletableFuture<Void> send(String key, List<RedisCommand> commands) {
    try {
      return runner.send(links.of(key), commands);
    } catch (SessionStoreException closed) {
      return CompletableFuture.failedFuture(closed);
    }
  }

  @Override
  public List<String> masters() {
    return links.masters();
  }

  @Override
  public <T> T runOn(String master, Kind kind, List<RedisCommand> commands, Function<List<Object>, T> read) {
    return runner.run(links.named(master), kind, "", commands, read);
  }

  /** Down while any master is: its sessions are. */
  @Override
  public StoreHealth health() {
    boolean isUp = true;
    boolean isStarting = true;
    long upMs = Long.MAX_VALUE;
    long downMs = 0;
    for (RedisLink link : links.all()) {
      StoreHealth health = link.health();
      if (health.isUp()) upMs = Math.min(upMs, health.sinceMs());
      else downMs = Math.max(downMs, health.sinceMs());
      isUp &= health.isUp();
      isStarting &= health.isStarting();
    }
    boolean isAny = isUp && upMs < Long.MAX_VALUE;
    return new StoreHealth(isAny, isStarting, isAny ? upMs : downMs);
  }

  @Override
  public void close() {
    links.close();
    connector.close();
  }

  private final class Router implements RedisRouter {
    @Override
    public RedisLink linkFor(String key) {
      return links.of(key);
    }

    @Override
    public Redirect redirect(RedisError reply, RedisLink from, RedisConnection on) {
      String code = reply.code();
      if (code.equals("READONLY") || code.equals("CLUSTERDOWN")) links.refresh();
      Matcher place = REDIRECT.matcher(reply.message());
      if (!place.matches()) return null;
      boolean isMoved = code.equals("MOVED");
      int slot = Integer.parseInt(place.group(1));
      RedisLink link = links.moved(slot, place.group(2), Integer.parseInt(place.group(3)), from, isMoved);
      return link == null ? null : new Redirect(link, !isMoved);
    }
  }
}
