package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** One Redis server, asked within budgets. Safe for use by many threads. */
final class RedisServer implements AutoCloseable {
  /** Which budget a call has. */
  enum Kind {
    /** May be sent again if its connection is lost meanwhile. */
    LOAD,
    /** May have happened: is never sent twice. */
    COMMIT
  }

  private static final int MAX_TRIES = 5;
  /** After a pause of the whole process the answer may be waiting in the socket. */
  private static final long STALL_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final long GRACE_MS = 20;
  /** Redis answers, and cannot serve: as good as away. A new connection is no way round. */
  private static final Set<String> AWAY = Set.of("LOADING", "MASTERDOWN", "BUSY", "CLUSTERDOWN");

  private final Timeouts timeouts;
  private final RedisConnector connector;
  private final RedisLink link;

  RedisServer(RedisUrl url, Timeouts timeouts) {
    this.timeouts = timeouts;
    connector = new RedisConnector(url, timeouts);
    link = new RedisLink(connector, timeouts);
  }

  /**
   * Sends commands in one write, and gives what {@code read} makes of their replies, of which none is an error. Throws
   * {@link SessionStoreException} when the budget is over, when the connection is lost, and if a reply is an error.
   */
  <T> T run(Kind kind, List<RedisCommand> commands, Function<List<Object>, T> read) {
    long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(budgetMs(kind));
    for (int tries = 1; ; tries += 1) {
      RedisConnection connection = link.connection(deadlineNs);
      List<Object> replies;
      try {
        replies = answered(connection, commands, deadlineNs);
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
      if (!mayRetry(connection, error) || tries >= MAX_TRIES) throw refused(error);
    }
  }

  /** The same without waiting; the future fails as {@code run} throws. */
  CompletableFuture<Void> send(List<RedisCommand> commands) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    RedisConnection connection;
    try {
      connection = link.connection(System.nanoTime());
    } catch (SessionStoreException away) {
      done.completeExceptionally(away);
      return done;
    }
    connection
        .send(commands)
        .copy()
        .orTimeout(timeouts.commitMs(), TimeUnit.MILLISECONDS)
        .thenComposeAsync(replies -> withScripts(connection, commands, replies), connector.executor())
        .whenComplete(
            (replies, cause) -> {
              RedisError error = cause == null ? errorIn(replies) : null;
              if (cause != null) done.completeExceptionally(new SessionStoreException("the session store did not answer", cause));
              else if (error != null) done.completeExceptionally(refused(error));
              else done.complete(null);
            });
    return done;
  }

  StoreHealth health() {
    return link.health();
  }

  @Override
  public void close() {
    link.close();
    connector.close();
  }

  private long budgetMs(Kind kind) {
    // The first request may come before the first connection: it is not Redis' fault that the application has just started.
    if (link.isStarting()) return Math.max(timeouts.connectMs(), timeouts.commitMs());
    return kind == Kind.LOAD ? timeouts.loadMs() : timeouts.commitMs();
  }

  private List<Object> answered(RedisConnection connection, List<RedisCommand> commands, long deadlineNs)
      throws ExecutionException {
    long before = connection.answers();
    CompletableFuture<List<Object>> replies = connection.send(commands);
    List<Object> first = await(replies, connection, before, deadlineNs);
    if (!isMissingScript(first)) return first;
    return await(withScripts(connection, commands, first), connection, before, deadlineNs);
  }

  private List<Object> await(
      CompletableFuture<List<Object>> replies, RedisConnection connection, long before, long deadlineNs)
      throws ExecutionException {
    try {
      try {
        return replies.get(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException late) {
        if (System.nanoTime() - deadlineNs < STALL_NS) throw late;
        return replies.get(GRACE_MS, TimeUnit.MILLISECONDS);
      }
    } catch (TimeoutException late) {
      // Half-open or frozen: TCP may take minutes to notice, a new connection one round trip.
      link.late(connection, connection.answers() == before);
      throw new SessionStoreException("the session store did not answer in time");
    } catch (InterruptedException cause) {
      Thread.currentThread().interrupt();
      throw new SessionStoreException("interrupted while waiting for the session store", cause);
    }
  }

  /** The server forgets scripts at its start and at SCRIPT FLUSH: only those are sent again, whole. */
  private static CompletableFuture<List<Object>> withScripts(
      RedisConnection connection, List<RedisCommand> commands, List<Object> replies) {
    List<RedisCommand> again = new ArrayList<>();
    for (int at = 0; at < replies.size(); at += 1) {
      if (isNoScript(replies.get(at))) again.add(commands.get(at).whole());
    }
    if (again.isEmpty()) return CompletableFuture.completedFuture(replies);
    return connection
        .send(again)
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

  private boolean mayRetry(RedisConnection connection, RedisError error) {
    if (AWAY.contains(error.code())) link.refused(error.message());
    // A master that has become a replica: its name may lead to the new one. Nothing was done.
    return error.code().equals("READONLY") && link.renew(connection, error.message());
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

  private static boolean isMissingScript(List<Object> replies) {
    for (Object reply : replies) if (isNoScript(reply)) return true;
    return false;
  }

  private static boolean isNoScript(Object reply) {
    return reply instanceof RedisError && ((RedisError) reply).code().equals("NOSCRIPT");
  }
}
