package baton.tomcat.store;

import io.lettuce.core.protocol.CommandType;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** One sentinel, which knows who the master is. */
final class RedisSentinel implements AutoCloseable {
  private final RedisConnector connector;
  private final RedisUrl url;
  private final Timeouts timeouts;
  private final RedisAddress address;
  private CompletableFuture<RedisConnection> connecting;

  RedisSentinel(RedisConnector connector, RedisUrl url, Timeouts timeouts, RedisAddress address) {
    this.connector = connector;
    this.url = url;
    this.timeouts = timeouts;
    this.address = address;
  }

  CompletableFuture<Answer> ask() {
    String name = url.masterName();
    List<RedisCommand> commands =
        List.of(
            RedisCommand.of(CommandType.SENTINEL, "GET-MASTER-ADDR-BY-NAME", name),
            RedisCommand.of(CommandType.SENTINEL, "MASTER", name));
    CompletableFuture<RedisConnection> asked = connection();
    return asked
        .thenCompose(connection -> connection.send(commands))
        .copy()
        .orTimeout(timeouts.connectMs(), TimeUnit.MILLISECONDS)
        .thenApply(this::answer)
        .whenComplete(
            (answer, error) -> {
              if (error != null) forget(asked);
            });
  }

  @Override
  public void close() {
    CompletableFuture<RedisConnection> last;
    synchronized (this) {
      last = connecting;
    }
    if (last != null) forget(last);
  }

  private synchronized CompletableFuture<RedisConnection> connection() {
    if (connecting == null) connecting = connector.connect(address, url.sentinelLogin(), 0);
    return connecting;
  }

  private void forget(CompletableFuture<RedisConnection> last) {
    synchronized (this) {
      if (connecting == last) connecting = null;
    }
    last.thenAccept(RedisConnection::close);
  }

  private Answer answer(List<Object> replies) {
    // Asked for more about one that it does not know, it gives an error besides.
    if (replies.get(0) == null) throw new IllegalStateException("the sentinels know no master " + url.masterName());
    for (Object reply : replies) {
      if (reply instanceof RedisError) throw new IllegalStateException("a sentinel refused: " + ((RedisError) reply).message());
    }
    List<String> found = RedisReplies.texts(replies.get(0));
    List<String> facts = RedisReplies.texts(replies.get(1));
    int at = facts.indexOf("config-epoch");
    long epoch = at < 0 ? 0 : Long.parseLong(facts.get(at + 1));
    return new Answer(new RedisAddress(found.get(0), Integer.parseInt(found.get(1))), epoch);
  }

  static final class Answer {
    private final RedisAddress master;
    private final long epoch;

    Answer(RedisAddress master, long epoch) {
      this.master = master;
      this.epoch = epoch;
    }

    RedisAddress master() {
      return master;
    }

    /** Of the failover that made it the master. */
    long epoch() {
      return epoch;
    }
  }
}
