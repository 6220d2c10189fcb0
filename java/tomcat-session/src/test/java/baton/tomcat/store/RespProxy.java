package baton.tomcat.store;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** A proxy before Redis that knows messages: counts round trips, mistreats invalidations, falls silent. */
public final class RespProxy implements AutoCloseable {
  /** What becomes of an invalidation: it comes after each of these times, in milliseconds. */
  public static final long[] PASS = {0};
  public static final long[] DROP = {};
  /** The connection ends instead. */
  public static final long[] DISCONNECT = {-1};

  private static final Pattern UPKEEP =
      Pattern.compile("\\*\\d+\r\n\\$\\d+\r\n(PING|HELLO|CLIENT|AUTH|SELECT|ROLE|CLUSTER)\r\n", Pattern.CASE_INSENSITIVE);

  private final ServerSocket server = new ServerSocket(0);
  private final ScheduledExecutorService later =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
          });
  private final AtomicInteger trips = new AtomicInteger();
  private final AtomicInteger invalidations = new AtomicInteger();
  private final List<Connection> connections = new CopyOnWriteArrayList<>();
  private volatile int target;
  private volatile Supplier<long[]> fate = () -> PASS;
  private volatile boolean isHolding;

  public RespProxy(int target) throws IOException {
    this.target = target;
    start(this::accept);
  }

  public String url() {
    return "redis://127.0.0.1:" + server.getLocalPort();
  }

  /**
   * Since it was asked last: how often the client spoke after Redis had, but for what makes and keeps connections: HELLO,
   * CLIENT, PING and the like.
   */
  public int trips() {
    return trips.getAndSet(0);
  }

  /** Of each invalidation from now on. */
  public void onInvalidation(Supplier<long[]> next) {
    fate = next;
  }

  /** How many Redis has sent. */
  public int invalidations() {
    return invalidations.get();
  }

  /** From now on nothing reaches clients, until {@link #release} sends it all at once. */
  public void hold() {
    isHolding = true;
  }

  public int held() {
    int held = 0;
    for (Connection connection : connections) held += connection.held.size();
    return held;
  }

  public void release() throws IOException {
    isHolding = false;
    for (Connection connection : connections) connection.flush();
  }

  /** Where new connections go from now on. */
  public void retarget(int port) {
    target = port;
  }

  /** Connections that stand now stay open, and nothing comes back on them any more; new ones work. */
  public void silence() {
    for (Connection connection : connections) connection.isSilent = true;
  }

  /** Ends the connections that stand now. */
  public void disconnect() {
    for (Connection connection : connections) connection.end();
  }

  @Override
  public void close() throws IOException {
    server.close();
    disconnect();
    later.shutdownNow();
  }

  private void accept() throws IOException {
    while (true) {
      Socket client = server.accept();
      Connection connection;
      try {
        connection = new Connection(client, new Socket("127.0.0.1", target));
      } catch (IOException away) {
        client.close();
        continue;
      }
      connections.add(connection);
      start(connection::readCommands);
      start(connection::readReplies);
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
    private final Socket client;
    private final Socket redis;
    private final List<byte[]> held = new ArrayList<>();
    private volatile boolean isSilent;
    private volatile boolean isWaiting;

    Connection(Socket client, Socket redis) throws IOException {
      this.client = client;
      this.redis = redis;
      client.setTcpNoDelay(true);
      redis.setTcpNoDelay(true);
    }

    void readCommands() throws IOException {
      RespStream commands = new RespStream(new BufferedInputStream(client.getInputStream()));
      ByteArrayOutputStream batch = new ByteArrayOutputStream();
      try {
        while (true) {
          byte[] command = commands.next();
          if (!UPKEEP.matcher(text(command, 40)).lookingAt()) {
            if (!isWaiting) trips.incrementAndGet();
            isWaiting = true;
          }
          batch.write(command);
          if (commands.isReady()) continue;
          redis.getOutputStream().write(batch.toByteArray());
          batch.reset();
        }
      } finally {
        end();
      }
    }

    void readReplies() throws IOException {
      RespStream replies = new RespStream(new BufferedInputStream(redis.getInputStream()));
      try {
        while (true) {
          byte[] reply = replies.next();
          if (reply[0] == '>' && text(reply, 24).contains("\r\ninvalidate\r\n")) {
            invalidations.incrementAndGet();
            deliver(reply, fate.get());
          } else {
            if (!text(reply, 7).equals("+PONG\r\n")) isWaiting = false;
            send(reply);
          }
        }
      } finally {
        end();
      }
    }

    private void deliver(byte[] invalidation, long[] delays) throws IOException {
      for (long delayMs : delays) {
        if (delayMs < 0) end();
        else if (delayMs == 0) send(invalidation);
        else
          later.schedule(
              () -> {
                send(invalidation);
                return null;
              },
              delayMs,
              TimeUnit.MILLISECONDS);
      }
    }

    private synchronized void send(byte[] message) throws IOException {
      if (isSilent) return;
      if (isHolding) held.add(message);
      else client.getOutputStream().write(message);
    }

    synchronized void flush() throws IOException {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      for (byte[] message : held) all.write(message);
      held.clear();
      client.getOutputStream().write(all.toByteArray());
    }

    void end() {
      connections.remove(this);
      for (Socket socket : List.of(client, redis)) close(socket);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException gone) {
      // That is what was wanted.
    }
  }

  private static String text(byte[] bytes, int atMost) {
    return new String(bytes, 0, Math.min(bytes.length, atMost), StandardCharsets.ISO_8859_1);
  }
}
