package baton.tomcat.store;

import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Commands and their replies, over one connection, with what a server may want to be sent beside them. */
final class RedisExchange {
  private static final RedisCommand ASKING = RedisCommand.of(CommandType.ASKING);

  private final RedisConnection connection;
  private final boolean isAsking;
  private final Executor executor;
  private volatile RedisBatch latest;

  /** {@code executor}: threads that are not those of connections. */
  RedisExchange(RedisConnection connection, boolean isAsking, Executor executor) {
    this.connection = connection;
    this.isAsking = isAsking;
    this.executor = executor;
  }

  RedisConnection connection() {
    return connection;
  }

  /** One reply for each command. */
  CompletableFuture<List<Object>> send(List<RedisCommand> commands) {
    return sendOnce(commands)
        .thenCompose(
            replies -> {
              if (!isMissingScript(replies)) return CompletableFuture.completedFuture(replies);
              return CompletableFuture.supplyAsync(() -> withScripts(commands, replies), executor).thenCompose(all -> all);
            });
  }

  /** For how long what was sent last has waited, or waits, for a thread of ours. */
  long delayNs() {
    RedisBatch batch = latest;
    return batch == null ? 0 : batch.delayNs();
  }

  private RedisBatch noted(List<RedisCommand> commands) {
    RedisBatch batch = new RedisBatch(commands);
    latest = batch;
    return batch;
  }

  private CompletableFuture<List<Object>> sendOnce(List<RedisCommand> commands) {
    if (!isAsking) return connection.send(noted(commands));
    List<RedisCommand> all = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    boolean isQueued = false;
    for (RedisCommand command : commands) {
      // Within a transaction it holds for all of it, and would be queued with the rest.
      if (!isQueued) all.add(ASKING);
      isQueued = command.type() == CommandType.MULTI || (isQueued && command.type() != CommandType.EXEC);
      places.add(all.size());
      all.add(command);
    }
    return connection
        .send(noted(all))
        .thenApply(
            replies -> {
              List<Object> own = new ArrayList<>();
              for (int place : places) own.add(replies.get(place));
              return own;
            });
  }

  /** The server forgets scripts at its start and at SCRIPT FLUSH: only those are sent again, whole. */
  private CompletableFuture<List<Object>> withScripts(List<RedisCommand> commands, List<Object> replies) {
    List<RedisCommand> again = new ArrayList<>();
    for (int at = 0; at < replies.size(); at += 1) {
      if (isNoScript(replies.get(at))) again.add(commands.get(at).whole());
    }
    return sendOnce(again)
        .thenApply(
            more -> {
              List<Object> all = new ArrayList<>(replies);
              int next = 0;
              for (int at = 0; at < all.size(); at += 1) {
                if (!isNoScript(all.get(at))) continue;
                all.set(at, more.get(next));
                next += 1;
              }
              return all;
            });
  }

  private static boolean isMissingScript(List<Object> replies) {
    for (Object reply : replies) if (isNoScript(reply)) return true;
    return false;
  }

  private static boolean isNoScript(Object reply) {
    return reply instanceof RedisError && ((RedisError) reply).code().equals("NOSCRIPT");
  }
}
