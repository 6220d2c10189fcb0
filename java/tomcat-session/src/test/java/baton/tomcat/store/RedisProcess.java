package baton.tomcat.store;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A real redis-server on a free port, in a folder of its own. */
public final class RedisProcess implements AutoCloseable {
  private final int port;
  private final Path folder;
  private final List<String> more;
  private Process process;

  private RedisProcess(int port, Path folder, List<String> more) {
    this.port = port;
    this.folder = folder;
    this.more = more;
  }

  public static RedisProcess start(String... more) throws IOException, InterruptedException {
    RedisProcess redis = new RedisProcess(freePort(), Files.createTempDirectory("baton-tomcat-redis-"), List.of(more));
    redis.startAgain();
    return redis;
  }

  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  public int port() {
    return port;
  }

  public String url() {
    return "redis://127.0.0.1:" + port;
  }

  public RawRedis raw() throws IOException {
    return new RawRedis(port);
  }

  /** With what it has saved. */
  public void startAgain() throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("redis-server", "--port", Integer.toString(port)));
    command.addAll(List.of("--bind", "127.0.0.1", "--dir", folder.toString(), "--save", ""));
    command.addAll(more);
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(new File(folder.toFile(), "redis.log"))
            .start();
    long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (true) {
      try (RawRedis raw = raw()) {
        raw.ask("PING");
        return;
      } catch (IOException | RuntimeException notYet) {
        if (System.nanoTime() > untilNs || !process.isAlive()) throw notYet;
        Thread.sleep(20);
      }
    }
  }

  /** As kill -9. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  public void freeze() throws IOException, InterruptedException {
    signal("-STOP");
  }

  public void thaw() throws IOException, InterruptedException {
    signal("-CONT");
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(java.util.Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
  }

  private void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", name, Long.toString(process.pid())).start().waitFor();
  }
}
