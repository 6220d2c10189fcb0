package baton.tomcat.store;

import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.protocol.CommandType;
import io.netty.channel.ConnectTimeoutException;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Our connection to a server, made at once, and made again whenever it is lost or falls silent. Nothing is queued in it. */
final class RedisLink implements AutoCloseable {
  static final List<RedisCommand> PING = List.of(RedisCommand.of(CommandType.PING));
  private static final RedisCommand ROLE = RedisCommand.of(CommandType.ROLE);
  /** NOLOOP: our own writes are not pushed to us, behind their replies, where they would throw away what they have renewed. */
  private static final RedisCommand TRACK = RedisCommand.of(CommandType.CLIENT, "TRACKING", "ON", "NOLOOP");
  /** Calls in a row that may fail before the others are spared the wait. */
  private static final int PATIENCE = 5;
  /** Another attempt is begun after this time, while earlier ones still have theirs: the first that succeeds is taken. */
  private static final long STAGGER_MS = 150;
  /** A connection that is younger was not made to somebody else by mistake. */
  private static final long RENEWAL_MS = 1_000;

  private final LinkPlan plan;
  private final Timeouts timeouts;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final AtomicInteger failures = new AtomicInteger();
  private final AtomicLong lapses = new AtomicLong();
  private volatile RedisConnection current;
  private Tracking.Connection tracked;
  private volatile String trouble = "not connected yet";
  private volatile boolean isSuspect;
  private volatile boolean isStarting = true;
  private volatile boolean isClosed;
  private boolean isSeeking;
  private long adoptedAtNs;
  private boolean wasUp;
  private long changedAtNs = System.nanoTime();

  /** Does nothing before {@link #seek}. */
  RedisLink(LinkPlan plan) {
    this.plan = plan;
    timeouts = plan.timeouts();
  }

  /** The connection, if there is one; null otherwise. */
  RedisConnection current() {
    return current;
  }

  boolean isAway() {
    return isClosed || failures.get() >= PATIENCE;
  }

  boolean isClosed() {
    return isClosed;
  }

  /** Whether nothing was heard from the server yet, be it a refusal. */
  boolean isStarting() {
    return isStarting;
  }

  /**
   * The connection, or the next one there is before the deadline; null: the link is closed, and another may have its place.
   * Throws {@link SessionStoreException}.
   */
  RedisConnection connection(long deadlineNs) {
    RedisConnection found = current;
    if (found != null && failures.get() < PATIENCE && found.isOpen()) return found;
    if (found != null && !found.isOpen()) lost(found, "the connection was lost");
    lock.lock();
    try {
      while (true) {
        if (isClosed) return null;
        if (failures.get() >= PATIENCE) throw new SessionStoreException("the session store is away: " + trouble);
        if (current != null) return current;
        long leftNs = deadlineNs - System.nanoTime();
        if (leftNs <= 0) {
          // On its own, a missing connection must open the breaker as well.
          fail();
          throw new SessionStoreException("the session store did not answer in time: " + trouble);
        }
        changed.awaitNanos(leftNs);
      }
    } catch (InterruptedException cause) {
      Thread.currentThread().interrupt();
      throw new SessionStoreException("interrupted while waiting for the session store", cause);
    } finally {
      lock.unlock();
    }
  }

  /** A call was answered before its deadline. */
  void inTime() {
    if (failures.get() == 0 && !isSuspect) return;
    failures.set(0);
    isSuspect = false;
    note();
  }

  /** How often calls have run out of time; those that one pause of the server, or of this JVM, has met count as one. */
  long lapses() {
    return lapses.get();
  }

  /**
   * A call has run out of time. {@code isSilent}: nothing at all was answered since it was sent; {@code lapsesBefore}: how many
   * lapses there had been by then.
   */
  void late(RedisConnection sentOn, boolean isSilent, long lapsesBefore) {
    // What an earlier connection has left unanswered says nothing about this one.
    if (sentOn != current) return;
    if (isSilent) {
      trouble = "no answer";
      isSuspect = true;
    }
    // Calls that were on their way together have met the same pause: not failures in a row.
    if (lapses.compareAndSet(lapsesBefore, lapsesBefore + 1)) fail();
    else seek();
  }

  /** The server answered that it cannot serve. */
  void refused(String reply) {
    trouble = reply;
    fail();
  }

  void lost(RedisConnection connection, String why) {
    lock.lock();
    try {
      if (current != connection) return;
      trouble = why;
      leave();
    } finally {
      lock.unlock();
    }
    seek();
  }

  /** Has the connection replaced, by one to whoever is in charge now. false: it is new already. */
  boolean renew(RedisConnection connection, String reply) {
    lock.lock();
    try {
      trouble = reply;
      if (current != connection) return true;
      if (System.nanoTime() - adoptedAtNs < TimeUnit.MILLISECONDS.toNanos(RENEWAL_MS)) return false;
      leave();
    } finally {
      lock.unlock();
    }
    seek();
    return true;
  }

  StoreHealth health() {
    lock.lock();
    try {
      return new StoreHealth(wasUp, isStarting, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - changedAtNs));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      isClosed = true;
      leave();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    note();
  }

  private void fail() {
    if (failures.incrementAndGet() >= PATIENCE) {
      // The way back is a connection that proves itself: slow as this one is, nobody would find out on it.
      isSuspect = true;
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
    note();
    seek();
  }

  /** Looks for the server, unless its connection is well. */
  void seek() {
    lock.lock();
    try {
      if (isSeeking || !isWanting()) return;
      isSeeking = true;
    } finally {
      lock.unlock();
    }
    seekOn();
  }

  private void seekOn() {
    lock.lock();
    try {
      if (!isWanting()) {
        isSeeking = false;
        return;
      }
    } finally {
      lock.unlock();
    }
    plan.onSeek().run();
    attempt();
    plan.later(this::seekOn, STAGGER_MS);
  }

  private boolean isWanting() {
    return !isClosed && (current == null || isSuspect);
  }

  /** Connects and asks for proof: a server that is loading, or frozen, accepts connections as well. */
  private void attempt() {
    CompletableFuture<RedisConnection> opened;
    try {
      opened = plan.open();
    } catch (RuntimeException error) {
      opened = CompletableFuture.failedFuture(error);
    }
    opened
        .whenComplete(
            (fresh, error) -> {
              if (error != null) failed(error);
              else prove(fresh);
            });
  }

  private void prove(RedisConnection fresh) {
    // By a thread of Netty, and nobody else knows the connection yet.
    List<RedisCommand> commands = new ArrayList<>(PING);
    if (plan.wantsMaster()) commands.add(ROLE);
    if (plan.tracking() != null) commands.add(TRACK);
    fresh
        .sendWithin(timeouts.loadMs(), new RedisBatch(commands))
        .whenComplete(
            (replies, error) -> {
              String mistake = error == null ? mistakeIn(replies) : null;
              if (error == null && mistake == null) {
                adopt(fresh);
                return;
              }
              fresh.close();
              if (error != null) failed(error);
              else refusedAs(mistake);
            });
  }

  /** null: none. */
  private String mistakeIn(List<Object> replies) {
    for (Object reply : replies) if (reply instanceof RedisError) return ((RedisError) reply).message();
    if (!plan.wantsMaster()) return null;
    Object role = RedisReplies.list(replies.get(1)).get(0);
    return RedisReplies.text(role).equals("master") ? null : "the server that is named as the master is none";
  }

  private void failed(Throwable error) {
    Throwable root = rootOf(error);
    String why = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
    if (isSilence(root)) trouble = why;
    else refusedAs(root instanceof GeneralSecurityException ? "the server's certificate is not accepted: " + why : why);
  }

  private void refusedAs(String why) {
    // What Lettuce says where a server hangs up during the handshake; another attempt knows the reason.
    if (!why.contains("RedisHandshakeHandler")) trouble = why;
    isStarting = false;
  }

  /** Of a JVM that has just started as well, with no processor left for its own part. */
  private static boolean isSilence(Throwable root) {
    return root instanceof TimeoutException
        || root instanceof RedisCommandTimeoutException
        || root instanceof ConnectTimeoutException;
  }

  private void adopt(RedisConnection fresh) {
    lock.lock();
    try {
      isStarting = false;
      if (!isWanting() || !fresh.isOpen()) {
        fresh.close();
        return;
      }
      leave();
      fresh.onLost(() -> lost(fresh, "the connection was lost"));
      if (plan.tracking() != null) tracked = plan.tracking().connected(fresh);
      current = fresh;
      adoptedAtNs = System.nanoTime();
      failures.set(0);
      isSuspect = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    note();
    // It may have gone before it could be heard of.
    if (!fresh.isOpen()) lost(fresh, "the connection was lost");
    plan.onFound().run();
  }

  /** The connection is not used any more; what is under way on it may still be answered. */
  private void leave() {
    RedisConnection left = current;
    // First: what is read from now on is read over another connection, and tracked by that.
    current = null;
    if (tracked != null) tracked.lost();
    tracked = null;
    if (left != null) plan.later(left::close, timeouts.commitMs());
    note();
  }

  private void note() {
    lock.lock();
    try {
      boolean isUp = current != null && failures.get() < PATIENCE;
      if (isUp == wasUp) return;
      wasUp = isUp;
      changedAtNs = System.nanoTime();
    } finally {
      lock.unlock();
    }
  }

  private static Throwable rootOf(Throwable error) {
    Throwable root = error;
    while (root.getCause() != null) root = root.getCause();
    return root;
  }
}
