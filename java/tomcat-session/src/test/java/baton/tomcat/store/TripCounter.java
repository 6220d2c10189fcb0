package baton.tomcat.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A proxy before Redis that counts round trips: how often a client speaks after it has been answered. */
public final class TripCounter implements AutoCloseable {
  private final ServerSocket server = new ServerSocket(0);
  private final int target;
  private final AtomicInteger trips = new AtomicInteger();
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();

  public TripCounter(int target) throws IOException {
    this.target = target;
    start(this::accept);
  }

  public String url() {
    return "redis://127.0.0.1:" + server.getLocalPort();
  }

  /** Since it was asked last. */
  public int trips() {
    return trips.getAndSet(0);
  }

  /** Closes all connections, in the midst of whatever they do. */
  public void cut() throws IOException {
    for (Socket socket : sockets) socket.close();
    sockets.clear();
  }

  @Override
  public void close() throws IOException {
    server.close();
    cut();
  }

  private void accept() throws IOException {
    while (true) {
      Socket client = server.accept();
      Socket redis = new Socket("127.0.0.1", target);
      client.setTcpNoDelay(true);
      redis.setTcpNoDelay(true);
      sockets.add(client);
      sockets.add(redis);
      Connection connection = new Connection();
      start(() -> connection.copy(client, redis, true));
      start(() -> connection.copy(redis, client, false));
    }
  }

  private static void start(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException closed) {
                // The end of a connection, or of the proxy.
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private interface Work {
    void run() throws IOException;
  }

  private final class Connection {
    private boolean isAnswered = true;

    void copy(Socket from, Socket to, boolean isClient) throws IOException {
      try (InputStream input = from.getInputStream();
          OutputStream output = to.getOutputStream()) {
        byte[] buffer = new byte[65_536];
        for (int read = input.read(buffer); read >= 0; read = input.read(buffer)) {
          note(isClient);
          output.write(buffer, 0, read);
        }
      }
    }

    private synchronized void note(boolean isClient) {
      if (isClient && isAnswered) trips.incrementAndGet();
      isAnswered = !isClient;
    }
  }
}
