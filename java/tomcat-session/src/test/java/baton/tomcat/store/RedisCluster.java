package baton.tomcat.store;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Three masters, a third of the slots each, and a replica of the first. */
final class RedisCluster implements AutoCloseable {
  private static final int THIRD = 5461;

  private final List<RedisProcess> servers = new ArrayList<>();
  private final List<Integer> busPorts = new ArrayList<>();

  static RedisCluster start() throws Exception {
    RedisCluster cluster = new RedisCluster();
    for (int at = 0; at < 4; at += 1) {
      int busPort = RedisProcess.freePort();
      cluster.busPorts.add(busPort);
      cluster.servers.add(
          RedisProcess.start(
              "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", Integer.toString(busPort)));
    }
    cluster.join();
    return cluster;
  }

  String url() {
    StringBuilder url = new StringBuilder("redis+cluster://");
    for (RedisProcess master : servers.subList(0, 3)) url.append("127.0.0.1:").append(master.port()).append(',');
    return url.substring(0, url.length() - 1);
  }

  RedisProcess master(int at) {
    return servers.get(at);
  }

  /** Which of the masters has the key's slot in the beginning. */
  int ownerOf(String name) {
    return RedisSlots.of(name) / THIRD;
  }

  /** A session's key on one of the masters. */
  String keyOn(String namespace, int master) {
    while (true) {
      String key = Records.newKey();
      if (ownerOf(namespace + ":s:" + key) == master) return key;
    }
  }

  String tell(int server, Object... command) throws Exception {
    try (RawRedis raw = servers.get(server).raw()) {
      return raw.askText(command);
    }
  }

  @Override
  public void close() throws IOException {
    for (RedisProcess server : servers) server.close();
  }

  private void join() throws Exception {
    for (int at = 0; at < 3; at += 1) {
      tell(at, "CLUSTER", "ADDSLOTSRANGE", THIRD * at, at == 2 ? 16_383 : THIRD * (at + 1) - 1);
    }
    for (int at = 1; at < 4; at += 1) {
      tell(at, "CLUSTER", "MEET", "127.0.0.1", servers.get(0).port(), busPorts.get(0));
    }
    for (int at = 0; at < 4; at += 1) {
      int server = at;
      CachingNode.until(
          () -> {
            String info = tell(server, "CLUSTER", "INFO");
            return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4");
          });
    }
    tell(3, "CLUSTER", "REPLICATE", tell(0, "CLUSTER", "MYID"));
    CachingNode.until(() -> tell(3, "INFO", "replication").contains("master_link_status:up"));
  }
}
