package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.RedisServers.Kind;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.List;

/** A user's list of sessions and their epoch, each on its own server where Redis is a cluster. */
final class RedisOwners {
  /** How much longer than any of their sessions a user's list and epoch are kept. */
  private static final long SLACK_MS = 3_600_000;

  private static final int BATCH = 100;
  private static final long NOT_ITS_TURN = -2;

  private final RedisServers servers;
  private final RedisKeys keys;

  RedisOwners(RedisServers servers, RedisKeys keys) {
    this.servers = servers;
    this.keys = keys;
  }

  /** Lists a session before it becomes visible; gives the epoch that it is to carry. */
  String announce(String owner, String key, long ttlMs) {
    run(keys.list(owner), enlist(owner, key, ttlMs, false));
    return epoch(owner, ttlMs);
  }

  /** Throws {@code GONE} if the user was logged out everywhere since; the session is ended then. */
  void confirm(String owner, String key, String epoch, long ttlMs) {
    long now = Long.parseLong(epoch(owner, ttlMs));
    if (now <= Long.parseLong(epoch)) return;
    kill(List.of(key), now, false);
    throw new SessionException(
        SessionException.Code.GONE, "the user was logged out everywhere during this login; have them log in again");
  }

  /** The session will live for ttlMs more, if it is listed: to go along with a write, or by itself. */
  RedisCommand extend(String owner, String key, long ttlMs) {
    return enlist(owner, key, ttlMs, true);
  }

  /** Not waited for. */
  void forget(String owner, String key) {
    servers.send(keys.list(owner), List.of(RedisCommand.of(CommandType.ZREM, keys.list(owner), key)));
  }

  List<String> listed(String owner) {
    RedisCommand range = RedisCommand.of(CommandType.ZRANGE, keys.list(owner), "0", "-1");
    return servers.run(Kind.COMMIT, keys.list(owner), List.of(range), replies -> RedisReplies.texts(replies.get(0)));
  }

  /**
   * The epoch comes first: a login that has read the old one is listed by now, or finds the new one when it reads it again.
   * It outlives every session that may carry it.
   */
  int destroyAll(String owner, String except) {
    long listTtlMs = RedisReplies.number(run(keys.list(owner), RedisCommand.of(CommandType.PTTL, keys.list(owner))));
    RedisCommand raise =
        RedisCommand.evaluate(RedisScript.RAISE, keys.epoch(owner)).add(Math.max(listTtlMs, 0) + SLACK_MS);
    long epoch = RedisReplies.number(run(keys.epoch(owner), raise));
    List<String> members = listed(owner);
    if (except != null) spare(except, epoch);
    members.remove(except);
    int ended = 0;
    for (int at = 0; at < members.size(); at += BATCH) {
      ended += end(owner, members.subList(at, Math.min(members.size(), at + BATCH)), epoch);
    }
    return ended;
  }

  /** Ends a session whose user was logged out everywhere, unless it belongs to this epoch. */
  void kill(String key, String epoch) {
    kill(List.of(key), Long.parseLong(epoch), false);
  }

  /** Where several log out everywhere at once, it belongs to their epochs one after the other. */
  private void spare(String key, long epoch) {
    for (long pauseMs = 10; pauseMs <= 640; pauseMs *= 2) {
      if (kill(List.of(key), epoch, true).get(0) != NOT_ITS_TURN) return;
      try {
        Thread.sleep(pauseMs);
      } catch (InterruptedException stopped) {
        Thread.currentThread().interrupt();
        return;
      }
    }
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
    if (isAnyGone) run(keys.list(owner), forget);
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
    List<Object> replies = new ArrayList<>();
    if (!servers.isCluster()) replies = servers.run(Kind.COMMIT, "", commands, all -> all);
    else for (int at = 0; at < commands.size(); at += 1) replies.add(run(keys.session(sessions.get(at)), commands.get(at)));
    List<Long> outcomes = new ArrayList<>();
    for (Object reply : replies) outcomes.add(RedisReplies.number(reply));
    return outcomes;
  }

  private String epoch(String owner, long ttlMs) {
    return RedisReplies.text(run(keys.epoch(owner), RedisCommand.evaluate(RedisScript.EPOCH, keys.epoch(owner)).add(ttlMs)));
  }

  private RedisCommand enlist(String owner, String key, long ttlMs, boolean onlyIfListed) {
    return RedisCommand.evaluate(RedisScript.ENLIST, keys.list(owner)).add(key).add(ttlMs).add(onlyIfListed ? 1 : 0);
  }

  private Object run(String key, RedisCommand command) {
    return servers.run(Kind.COMMIT, key, List.of(command), replies -> replies.get(0));
  }
}
