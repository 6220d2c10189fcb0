package baton.tomcat.store;

import baton.tomcat.store.RedisRouter.Redirect;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** All keys on one server, under one address. */
class SingleServer implements RedisServers {
  private static final List<String> MASTERS = List.of("master");

  private final RedisConnector connector;
  private final RedisRunner runner;
  private final RedisLink link;

  SingleServer(RedisConnector connector, RedisUrl url, Timeouts timeouts, Tracking tracking) {
    this(
        connector,
        new LinkPlan(
            connector,
            timeouts,
            tracking,
            () -> connector.connect(url.addresses().get(0), url.login(), url.database())));
  }

  /** Whichever server the plan leads to. */
  SingleServer(RedisConnector connector, LinkPlan plan) {
    this.connector = connector;
    link = new RedisLink(plan);
    runner = new RedisRunner(plan.timeouts(), connector.executor(), new OnlyLink());
    link.seek();
  }

  RedisLink link() {
    return link;
  }

  @Override
  public boolean isCluster() {
    return false;
  }

  @Override
  public <T> T run(Kind kind, String key, List<RedisCommand> commands, Function<List<Object>, T> read) {
    return runner.run(link, kind, key, commands, read);
  }

  @Override
  public CompletableFuture<Void> send(String key, List<RedisCommand> commands) {
    return runner.send(link, commands);
  }

  @Override
  public List<String> masters() {
    return MASTERS;
  }

  @Override
  public <T> T runOn(String master, Kind kind, List<RedisCommand> commands, Function<List<Object>, T> read) {
    return runner.run(link, kind, "", commands, read);
  }

  @Override
  public StoreHealth health() {
    return link.health();
  }

  @Override
  public void close() {
    link.close();
    connector.close();
  }

  private final class OnlyLink implements RedisRouter {
    @Override
    public RedisLink linkFor(String key) {
      return link.isClosed() ? null : link;
    }

    @Override
    public Redirect redirect(RedisError reply, RedisLink from, RedisConnection on) {
      // A master that has become a replica: its name, or its sentinels, may lead to the new one.
      return reply.code().equals("READONLY") && from.renew(on, reply.message()) ? new Redirect(from, false) : null;
    }
  }
}
