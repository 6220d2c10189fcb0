package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.RedisRouter.Redirect;
import baton.tomcat.store.RedisServers.Kind;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** Runs calls within their budgets, from their first try to their end. Safe for use by many threads. */
final class RedisRunner {
  private static final int MAX_TRIES = 6;
  /** Redis answers, and cannot serve: as good as away. A new connection is no way round. */
  private static final Set<String> AWAY = Set.of("LOADING", "MASTERDOWN", "BUSY", "CLUSTERDOWN");

  private final Timeouts timeouts;
  private final Executor executor;
  private final RedisRouter router;
  /** The first request may come before the first connection: it is not Redis' fault that the application has just started. */
  private volatile boolean hasStarted;

  /** {@code executor}: threads that are not those of connections. */
  RedisRunner(Timeouts timeouts, Executor executor, RedisRouter router) {
    this.timeouts = timeouts;
    this.executor = executor;
    this.router = router;
  }

  /** As {@link RedisServers#run}; {@code first}: where to begin. */
  <T> T run(RedisLink first, Kind kind, String key, List<RedisCommand> commands, Function<List<Object>, T> read) {
    long budgetNs = TimeUnit.MILLISECONDS.toNanos(budgetMs(first, kind));
    long deadlineNs = System.nanoTime() + budgetNs;
    RedisLink link = first;
    boolean isAsking = false;
    for (int tries = 1; ; tries += 1) {
      RedisConnection connection = connection(link, deadlineNs);
      if (connection == null) {
        // Closed meanwhile: another link may have its place.
        link = router.linkFor(key);
        isAsking = false;
        continue;
      }
      List<Object> replies;
      try {
        replies = await(new RedisExchange(connection, isAsking, executor), commands, link, deadlineNs, budgetNs);
      } catch (ExecutionException lost) {
        link.lost(connection, "the connection was lost");
        if (kind == Kind.LOAD && tries < MAX_TRIES) continue;
        throw new SessionStoreException("the session store was lost: " + lost.getCause().getMessage(), lost.getCause());
      }
      RedisError error = errorIn(replies);
      if (error == null) {
        link.inTime();
        return readBy(read, replies);
      }
      Redirect redirect = redirect(error, link, connection, tries);
      if (redirect == null) throw refused(error);
      link = redirect.link();
      isAsking = redirect.isAsking();
    }
  }

  /** As {@link RedisServers#send}. */
  CompletableFuture<Void> send(RedisLink link, List<RedisCommand> commands) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    sendOn(link, false, commands, 1)
        .whenComplete(
            (nothing, cause) -> {
              Throwable root = cause instanceof CompletionException ? cause.getCause() : cause;
              if (root == null) done.complete(null);
              else if (root instanceof SessionStoreException) done.completeExceptionally(root);
              else done.completeExceptionally(new SessionStoreException("the session store did not answer", root));
            });
    return done;
  }

  private CompletableFuture<Void> sendOn(RedisLink link, boolean isAsking, List<RedisCommand> commands, int tries) {
    RedisConnection connection;
    try {
      connection = connection(link, System.nanoTime());
      if (connection == null) throw closed();
    } catch (SessionStoreException away) {
      return CompletableFuture.failedFuture(away);
    }
    return new RedisExchange(connection, isAsking, executor)
        .send(commands)
        .copy()
        .orTimeout(timeouts.commitMs(), TimeUnit.MILLISECONDS)
        .thenComposeAsync(
            replies -> {
              RedisError error = errorIn(replies);
              if (error == null) return CompletableFuture.completedFuture(null);
              Redirect redirect = redirect(error, link, connection, tries);
              if (redirect == null) throw refused(error);
              return sendOn(redirect.link(), redirect.isAsking(), commands, tries + 1);
            },
            executor);
  }

  private static RedisConnection connection(RedisLink link, long deadlineNs) {
    if (link == null) throw closed();
    return link.connection(deadlineNs);
  }

  private long budgetMs(RedisLink link, Kind kind) {
    if (!hasStarted) {
      if (link != null && link.isStarting()) return Math.max(timeouts.connectMs(), timeouts.commitMs());
      hasStarted = true;
    }
    return kind == Kind.LOAD ? timeouts.loadMs() : timeouts.commitMs();
  }

  private static List<Object> await(
      RedisExchange exchange, List<RedisCommand> commands, RedisLink link, long deadlineNs, long budgetNs)
      throws ExecutionException {
    RedisConnection connection = exchange.connection();
    long answersBefore = connection.answers();
    long lapsesBefore = link.lapses();
    try {
      CompletableFuture<List<Object>> replies = exchange.send(commands);
      try {
        return replies.get(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException late) {
        return readAtLast(exchange, replies, deadlineNs, System.nanoTime() + budgetNs);
      }
    } catch (TimeoutException late) {
      // Half-open or frozen: TCP may take minutes to notice, a new connection one round trip.
      link.late(connection, connection.answers() == answersBefore, lapsesBefore);
      throw new SessionStoreException("the session store did not answer in time");
    } catch (InterruptedException cause) {
      Thread.currentThread().interrupt();
      throw new SessionStoreException("interrupted while waiting for the session store", cause);
    }
  }

  /**
   * The budget is Redis'. While our threads have no processor, or the whole JVM none, what was answered in time lies in the
   * socket, and what was to be sent may not have left: for as long Redis has more, up to its budget once again.
   */
  private static List<Object> readAtLast(
      RedisExchange exchange, CompletableFuture<List<Object>> replies, long deadlineNs, long lastNs)
      throws InterruptedException, ExecutionException, TimeoutException {
    look(exchange, replies, lastNs);
    long nowNs = System.nanoTime();
    long stalledNs = exchange.delayNs() + nowNs - deadlineNs;
    try {
      return replies.get(Math.min(stalledNs, lastNs - nowNs), TimeUnit.NANOSECONDS);
    } catch (TimeoutException late) {
      look(exchange, replies, lastNs);
      return replies.get(0, TimeUnit.NANOSECONDS);
    }
  }

  private static void look(RedisExchange exchange, CompletableFuture<List<Object>> replies, long lastNs)
      throws InterruptedException, ExecutionException, TimeoutException {
    CompletableFuture<Void> looked = exchange.connection().look();
    CompletableFuture.anyOf(replies, looked).get(lastNs - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  private Redirect redirect(RedisError error, RedisLink link, RedisConnection connection, int tries) {
    if (AWAY.contains(error.code())) link.refused(error.message());
    // Redis has done nothing of all this: a command that belongs elsewhere makes its whole transaction fail.
    return tries < MAX_TRIES ? router.redirect(error, link, connection) : null;
  }

  private static <T> T readBy(Function<List<Object>, T> read, List<Object> replies) {
    try {
      return read.apply(replies);
    } catch (SessionException known) {
      throw known;
    } catch (RuntimeException cause) {
      throw new SessionStoreException("the session store gave an answer that is none", cause);
    }
  }

  private static SessionStoreException closed() {
    return new SessionStoreException("the session store is closed");
  }

  private static SessionStoreException refused(RedisError error) {
    return new SessionStoreException("the session store refused: " + error.message());
  }

  /** EXECABORT only says that an earlier reply was an error. */
  private static RedisError errorIn(List<Object> replies) {
    RedisError found = null;
    for (Object reply : replies) {
      if (!(reply instanceof RedisError)) continue;
      RedisError error = (RedisError) reply;
      if (found == null || found.code().equals("EXECABORT")) found = error;
    }
    return found;
  }
}
