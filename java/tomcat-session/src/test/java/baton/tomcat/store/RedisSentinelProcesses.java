package baton.tomcat.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A master, a replica and three sentinels that call the master shop and give it up after half a second of silence. */
final class RedisSentinelProcesses implements AutoCloseable {
  final RedisProcess first;
  final RedisProcess second;
  private final List<Process> sentinels = new ArrayList<>();
  private final List<Integer> ports = new ArrayList<>();
  private final Path folder;

  RedisSentinelProcesses() throws Exception {
    first = RedisProcess.start("--repl-diskless-sync-delay", "0");
    second = RedisProcess.start("--replicaof", "127.0.0.1 " + first.port());
    folder = Files.createTempDirectory("baton-tomcat-sentinel-");
    CachingNode.until(() -> ask(second.port(), "INFO", "replication").contains("master_link_status:up"));
    for (int at = 0; at < 3; at += 1) startSentinel(RedisProcess.freePort());
    for (int port : ports) CachingNode.until(() -> knowsTheOthers(port));
  }

  String url() {
    StringBuilder url = new StringBuilder("redis+sentinel://");
    for (int port : ports) url.append("127.0.0.1:").append(port).append(',');
    return url.substring(0, url.length() - 1) + "/shop";
  }

  /** Whether a sentinel names this server as the master. */
  boolean haveNamed(RedisProcess server) throws Exception {
    for (int port : ports) {
      try (RawRedis raw = new RawRedis(port)) {
        List<?> address = raw.askList("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop");
        if (new String((byte[]) address.get(1)).equals(Integer.toString(server.port()))) return true;
      }
    }
    return false;
  }

  @Override
  public void close() throws IOException {
    for (Process sentinel : sentinels) sentinel.destroyForcibly().onExit().join();
    first.close();
    second.close();
    for (int port : ports) Files.deleteIfExists(folder.resolve(port + ".conf"));
    Files.deleteIfExists(folder);
  }

  private void startSentinel(int port) throws Exception {
    Path file = folder.resolve(port + ".conf");
    Files.write(
        file,
        List.of(
            "port " + port,
            "bind 127.0.0.1",
            "dir " + folder,
            "sentinel monitor shop 127.0.0.1 " + first.port() + " 2",
            "sentinel down-after-milliseconds shop 500",
            "sentinel failover-timeout shop 3000"));
    ProcessBuilder builder = new ProcessBuilder("redis-server", file.toString(), "--sentinel");
    sentinels.add(
        builder
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start());
    ports.add(port);
  }

  private static boolean knowsTheOthers(int port) {
    try (RawRedis raw = new RawRedis(port)) {
      List<String> facts = RedisReplies.texts(raw.askList("SENTINEL", "MASTER", "shop"));
      return fact(facts, "num-other-sentinels").equals("2") && fact(facts, "num-slaves").equals("1");
    } catch (Exception notYet) {
      return false;
    }
  }

  private static String fact(List<String> facts, String name) {
    return facts.get(facts.indexOf(name) + 1);
  }

  private static String ask(int port, Object... command) throws Exception {
    try (RawRedis raw = new RawRedis(port)) {
      return raw.askText(command);
    }
  }
}
