package baton.tomcat.store;

import baton.tomcat.store.RedisSentinel.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** All sentinels, and what the best of them say. */
final class RedisSentinels implements AutoCloseable {
  private final List<RedisSentinel> sentinels = new ArrayList<>();
  private long newest = -1;

  RedisSentinels(RedisConnector connector, RedisUrl url, Timeouts timeouts) {
    for (RedisAddress address : url.addresses()) sentinels.add(new RedisSentinel(connector, url, timeouts, address));
  }

  /**
   * The first answer will do, unless it is older than one we had: a sentinel may have been away during a failover. If all
   * are older, the sentinels were set up anew.
   */
  CompletableFuture<RedisAddress> master() {
    CompletableFuture<RedisAddress> master = new CompletableFuture<>();
    Poll poll = new Poll(master, sentinels.size());
    for (RedisSentinel sentinel : sentinels) sentinel.ask().whenComplete(poll::heard);
    return master;
  }

  @Override
  public void close() {
    for (RedisSentinel sentinel : sentinels) sentinel.close();
  }

  private synchronized boolean isCurrent(Answer answer) {
    if (answer.epoch() < newest) return false;
    newest = answer.epoch();
    return true;
  }

  private synchronized void beginAnew(Answer answer) {
    newest = answer.epoch();
  }

  private final class Poll {
    private final CompletableFuture<RedisAddress> master;
    private int missing;
    private Answer older;
    private Throwable reason;

    Poll(CompletableFuture<RedisAddress> master, int missing) {
      this.master = master;
      this.missing = missing;
    }

    synchronized void heard(Answer answer, Throwable error) {
      missing -= 1;
      if (answer == null) reason = error;
      else if (isCurrent(answer)) master.complete(answer.master());
      else if (older == null || older.epoch() < answer.epoch()) older = answer;
      if (missing > 0 || master.isDone()) return;
      if (older != null) {
        beginAnew(older);
        master.complete(older.master());
      } else {
        Throwable root = reason;
        while (root.getCause() != null) root = root.getCause();
        String why = root.getMessage() == null ? "none answers" : root.getMessage();
        master.completeExceptionally(new IllegalStateException("no sentinel names the master: " + why));
      }
    }
  }
}
