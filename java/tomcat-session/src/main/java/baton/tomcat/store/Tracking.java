package baton.tomcat.store;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What connects a near cache to the connections that its sessions are read over. Redis remembers which keys a connection has
 * read, and pushes their names on the same connection, in order with the replies, once somebody else writes them (client-side
 * caching). The links report what becomes of each connection; the cache listens.
 */
final class Tracking {
  private static final long BEAT_MS = 250;

  private final List<Connection> connections = new CopyOnWriteArrayList<>();
  private volatile Listener listener = Listener.NONE;
  private volatile boolean isProven;
  private volatile long provenAtNs;
  private volatile boolean isClosed;

  void listen(Listener next) {
    listener = next;
  }

  /** A connection on which tracking is on, over which nothing was read yet. */
  Connection connected(RedisConnection connection) {
    Connection tracked = new Connection(connection);
    connections.add(tracked);
    reckon();
    connection.onInvalidation(tracked::invalidated);
    return tracked;
  }

  /**
   * Whether all that happened until so long ago, and concerns us, has been heard of: a connection that is half open looks
   * alive, and pushes nothing. false while there is no connection.
   */
  boolean isProvenWithin(long ns) {
    return isProven && System.nanoTime() - provenAtNs < ns;
  }

  /** Asks each connection for a sign of life, four times a second, by threads of {@code connector}. */
  void watch(RedisConnector connector) {
    if (isClosed) return;
    for (Connection connection : connections) connection.beat();
    connector.later(() -> watch(connector), BEAT_MS);
  }

  void close() {
    isClosed = true;
    connections.clear();
    reckon();
  }

  /** The least that is known of any connection: which one a key was read over is not remembered. */
  private synchronized void reckon() {
    long least = 0;
    boolean isAny = false;
    for (Connection connection : connections) {
      if (!isAny || connection.provenAtNs - least < 0) least = connection.provenAtNs;
      isAny = true;
    }
    provenAtNs = least;
    isProven = isAny;
  }

  /** What a cache has to hear. Called by threads that read replies: returns at once. */
  interface Listener {
    Listener NONE =
        new Listener() {
          @Override
          public void invalidated(String redisKey) {}

          @Override
          public void emptied() {}

          @Override
          public void lost() {}
        };

    void invalidated(String redisKey);

    /** Redis has thrown everything away. */
    void emptied();

    /** From here on it is not known what was written meanwhile. */
    void lost();
  }

  final class Connection {
    private final RedisConnection connection;
    private volatile long provenAtNs = System.nanoTime();
    private volatile boolean isWaiting;

    private Connection(RedisConnection connection) {
      this.connection = connection;
    }

    /** Closed, replaced, failed over, or no longer used. Once is enough. */
    void lost() {
      if (!connections.remove(this)) return;
      reckon();
      listener.lost();
    }

    private void invalidated(List<String> keys) {
      if (!connections.contains(this)) return;
      if (keys == null) listener.emptied();
      else keys.forEach(listener::invalidated);
    }

    private void beat() {
      if (isWaiting) return;
      isWaiting = true;
      long sentAtNs = System.nanoTime();
      // Pushes and pongs come in the order in which Redis acted: what was written before the PING has been pushed.
      connection
          .send(RedisLink.PING)
          .whenComplete(
              (replies, error) -> {
                isWaiting = false;
                if (error != null) return;
                provenAtNs = sentAtNs;
                reckon();
              });
    }
  }
}
