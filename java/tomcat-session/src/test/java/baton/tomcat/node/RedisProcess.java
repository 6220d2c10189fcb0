package baton.tomcat.node;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real redis-server on a free port, with a folder of its own. */
public final class RedisProcess implements AutoCloseable {
  private final int port;
  private final Path folder;
  private Process process;

  private RedisProcess(int port, Path folder) {
    this.port = port;
    this.folder = folder;
  }

  public static RedisProcess start() throws IOException, InterruptedException {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    RedisProcess redis = new RedisProcess(port, Files.createTempDirectory("baton-tomcat-redis-"));
    redis.run();
    return redis;
  }

  public int port() {
    return port;
  }

  public String url() {
    return "redis://127.0.0.1:" + port;
  }

  /** Starts it again, with what it had saved. */
  public void run() throws IOException, InterruptedException {
    process =
        new ProcessBuilder(
                "redis-server", "--port", "" + port, "--bind", "127.0.0.1", "--dir", folder.toString(),
                "--save", "", "--appendonly", "yes", "--appendfsync", "no", "--loglevel", "warning")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!answers()) {
      if (System.nanoTime() > until) throw new IOException("redis-server does not answer: see " + folder);
      Thread.sleep(20);
    }
  }

  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** What redis-cli prints, by line. */
  public List<String> cli(String... command) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of("redis-cli", "-p", "" + port, "--raw"));
    all.addAll(List.of(command));
    Process cli = new ProcessBuilder(all).redirectErrorStream(true).start();
    String output = new String(cli.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.ISO_8859_1);
    cli.waitFor();
    return output.isEmpty() ? List.of() : List.of(output.split("\n"));
  }

  private boolean answers() {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", port), 200);
      socket.getOutputStream().write("PING\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
      return socket.getInputStream().read() == '+';
    } catch (IOException notYet) {
      return false;
    }
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly().onExit().join();
    Folders.remove(folder);
  }
}
