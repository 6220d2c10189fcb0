package baton.tomcat.store;

import static baton.tomcat.store.RedisReplies.isAlive;
import static baton.tomcat.store.RedisReplies.list;

import baton.tomcat.store.RedisServers.Kind;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Counts sessions that are alive, by looking at all. SCAN may give a key twice while its table grows: it is counted once. */
final class RedisCount {
  private static final String SCAN_COUNT = "1000";

  private final RedisServers servers;
  private final String pattern;

  RedisCount(RedisServers servers, RedisKeys keys) {
    this.servers = servers;
    pattern = keys.session("*");
  }

  long count() {
    Set<String> alive = new HashSet<>();
    for (String master : servers.masters()) {
      String cursor = "0";
      do {
        RedisCommand scan = RedisCommand.of(CommandType.SCAN, cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
        List<?> page = servers.runOn(master, Kind.COMMIT, List.of(scan), replies -> list(replies.get(0)));
        cursor = RedisReplies.text(page.get(0));
        look(RedisReplies.texts(page.get(1)), alive);
      } while (!cursor.equals("0"));
    }
    return alive.size();
  }

  private void look(List<String> names, Set<String> alive) {
    List<RedisCommand> looks = new ArrayList<>();
    for (String name : names) looks.add(RedisCommand.of(CommandType.HMGET, name, "@c", "@x"));
    if (looks.isEmpty()) return;
    List<Object> metas = new ArrayList<>();
    if (!servers.isCluster()) metas = servers.run(Kind.COMMIT, "", looks, replies -> replies);
    else {
      for (int at = 0; at < looks.size(); at += 1) {
        metas.add(servers.run(Kind.COMMIT, names.get(at), List.of(looks.get(at)), replies -> replies.get(0)));
      }
    }
    for (int at = 0; at < names.size(); at += 1) if (isAlive(list(metas.get(at)))) alive.add(names.get(at));
  }
}
