package baton.tomcat.store;

import baton.tomcat.store.RedisServer.Kind;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.List;

/** A user's list of sessions and their epoch. */
final class RedisOwners {
  /** How much longer than any of their sessions a user's list and epoch are kept. */
  private static final long SLACK_MS = 3_600_000;

  private static final int BATCH = 100;

  private final RedisServer server;
  private final RedisKeys keys;

  RedisOwners(RedisServer server, RedisKeys keys) {
    this.server = server;
    this.keys = keys;
  }

  /** The session will live for ttlMs more, if it is listed. */
  RedisCommand extend(String owner, String key, long ttlMs) {
    return RedisCommand.evaluate(RedisScript.ENLIST, keys.list(owner)).add(key).add(ttlMs);
  }

  List<String> listed(String owner) {
    RedisCommand range = RedisCommand.of(CommandType.ZRANGE, keys.list(owner), "0", "-1");
    return server.run(Kind.COMMIT, List.of(range), replies -> RedisReplies.texts(replies.get(0)));
  }

  /**
   * The epoch comes first: a login that has read the old one is listed by now. It outlives every session that may carry it.
   */
  int destroyAll(String owner, String except) {
    RedisCommand pttl = RedisCommand.of(CommandType.PTTL, keys.list(owner));
    long listTtlMs = server.run(Kind.COMMIT, List.of(pttl), replies -> RedisReplies.number(replies.get(0)));
    RedisCommand raise =
        RedisCommand.evaluate(RedisScript.RAISE, keys.epoch(owner)).add(Math.max(listTtlMs, 0) + SLACK_MS);
    long epoch = server.run(Kind.COMMIT, List.of(raise), replies -> RedisReplies.number(replies.get(0)));
    List<String> members = listed(owner);
    if (except != null) kill(List.of(except), epoch, true);
    members.remove(except);
    int ended = 0;
    for (int at = 0; at < members.size(); at += BATCH) {
      ended += end(owner, members.subList(at, Math.min(members.size(), at + BATCH)), epoch);
    }
    return ended;
  }

  private int end(String owner, List<String> batch, long epoch) {
    List<Long> outcomes = kill(batch, epoch, false);
    RedisCommand forget = RedisCommand.of(CommandType.ZREM, keys.list(owner));
    int ended = 0;
    boolean isAnyGone = false;
    for (int at = 0; at < batch.size(); at += 1) {
      if (outcomes.get(at) == 1) ended += 1;
      // What is not there yet may be a login under way: it stays listed until its time is over.
      if (outcomes.get(at) == -1) continue;
      forget.add(batch.get(at));
      isAnyGone = true;
    }
    if (isAnyGone) server.run(Kind.COMMIT, List.of(forget), replies -> null);
    return ended;
  }

  private List<Long> kill(List<String> sessions, long epoch, boolean spare) {
    List<RedisCommand> commands = new ArrayList<>();
    for (String key : sessions) {
      commands.add(
          RedisCommand.evaluate(RedisScript.KILL, keys.session(key))
              .add(epoch)
              .add(SessionStore.TOMBSTONE_TTL_MS)
              .add(spare ? 1 : 0));
    }
    return server.run(
        Kind.COMMIT,
        commands,
        replies -> {
          List<Long> outcomes = new ArrayList<>();
          for (Object reply : replies) outcomes.add(RedisReplies.number(reply));
          return outcomes;
        });
  }
}
