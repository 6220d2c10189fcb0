package baton.tomcat.store;

import static baton.tomcat.store.RedisReplies.fields;
import static baton.tomcat.store.RedisReplies.list;
import static baton.tomcat.store.RedisReplies.number;
import static baton.tomcat.store.RedisReplies.text;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.RedisServer.Kind;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Sessions in one Redis server, one hash each. Every method is one round trip, but for destroyAllOf and count. */
public final class RedisStore implements SessionStore {
  private static final String SCAN_COUNT = "1000";

  private final RedisServer server;
  private final RedisKeys keys;
  private final RedisOwners owners;

  private RedisStore(RedisServer server, RedisKeys keys) {
    this.server = server;
    this.keys = keys;
    this.owners = new RedisOwners(server, keys);
  }

  /**
   * Connects in the background. {@code url}: {@code redis://[user:password@]host[:port][/database]}, {@code rediss://} for TLS,
   * with {@code ?ca=…&cert=…&key=…} for files in PEM. Throws {@link SessionException} {@code OPTIONS}.
   */
  public static RedisStore open(String url, String namespace, Timeouts timeouts) {
    RedisKeys keys = new RedisKeys(namespace);
    return new RedisStore(new RedisServer(RedisUrl.parse(url), timeouts), keys);
  }

  @Override
  public Stored load(String key, Wanted wanted) {
    String name = keys.session(key);
    List<RedisCommand> commands =
        List.of(RedisCommand.of(CommandType.HGETALL, name), RedisCommand.of(CommandType.PTTL, name));
    return server.run(
        Kind.LOAD,
        commands,
        replies -> {
          Map<String, byte[]> fields = fields(replies.get(0));
          return fields.isEmpty() ? null : new Stored(fields, number(replies.get(1)));
        });
  }

  @Override
  public boolean create(String key, Map<String, byte[]> fields, long ttlMs, String owner) {
    String name = keys.session(key);
    RedisCommand create =
        owner == null
            ? RedisCommand.evaluate(RedisScript.CREATE, name).add(ttlMs)
            : RedisCommand.evaluate(RedisScript.CREATE_OWNED, name, keys.list(owner), keys.epoch(owner)).add(ttlMs).add(key);
    return server.run(Kind.COMMIT, List.of(create.addFields(fields)), replies -> number(replies.get(0)) == 1);
  }

  @Override
  public OptionalLong commit(String key, Change change, long ttlMs, CommitOptions options) {
    String name = keys.session(key);
    String owner = options.owner();
    if (options.lock() != null) {
      // Beside the script, which must write nothing if the lock is lost.
      if (owner != null) server.send(List.of(owners.extend(owner, key, ttlMs)));
      return commitLocked(name, change, ttlMs, options.lock());
    }
    List<RedisCommand> commands = new ArrayList<>(8);
    commands.add(RedisCommand.of(CommandType.MULTI));
    if (!change.set().isEmpty()) commands.add(RedisCommand.of(CommandType.HSET, name).addFields(change.set()));
    if (!change.remove().isEmpty()) {
      RedisCommand remove = RedisCommand.of(CommandType.HDEL, name);
      change.remove().forEach(remove::add);
      commands.add(remove);
    }
    commands.add(RedisCommand.of(CommandType.HINCRBY, name, "@v", "1"));
    commands.add(RedisCommand.of(CommandType.PEXPIRE, name, Long.toString(ttlMs)));
    // Last, and a read: with NOLOOP, a write alone would make Redis forget that this connection tracks the key.
    commands.add(RedisCommand.of(CommandType.HMGET, name, "@c", "@x", "@v"));
    commands.add(RedisCommand.of(CommandType.EXEC));
    int execAt = commands.size() - 1;
    if (owner != null) commands.add(owners.extend(owner, key, ttlMs));
    return server.run(Kind.COMMIT, commands, replies -> RedisReplies.committed(replies.get(execAt)));
  }

  @Override
  public Updated update(String key, String field, String etag, byte[] value, long ttlMs) {
    RedisCommand update =
        RedisCommand.evaluate(RedisScript.UPDATE, keys.session(key)).add(ttlMs).add(field).add(etag);
    if (value != null) update.add(value);
    return server.run(
        Kind.COMMIT,
        List.of(update),
        replies -> {
          List<?> reply = list(replies.get(0));
          switch (text(reply.get(0))) {
            case "done":
              return Updated.done(number(reply.get(1)));
            case "conflict":
              return Updated.conflict(reply.size() < 2 ? null : (byte[]) reply.get(1));
            default:
              return Updated.DEAD;
          }
        });
  }

  @Override
  public boolean destroy(String key, String owner) {
    String name = keys.session(key);
    List<RedisCommand> commands = new ArrayList<>(7);
    commands.add(RedisCommand.of(CommandType.MULTI));
    commands.add(RedisCommand.of(CommandType.HMGET, name, "@c", "@x"));
    commands.add(RedisCommand.of(CommandType.UNLINK, name));
    commands.add(RedisCommand.of(CommandType.HSET, name, "@x", "d"));
    commands.add(RedisCommand.of(CommandType.PEXPIRE, name, Long.toString(TOMBSTONE_TTL_MS)));
    commands.add(RedisCommand.of(CommandType.EXEC));
    int execAt = commands.size() - 1;
    if (owner != null) commands.add(RedisCommand.of(CommandType.ZREM, keys.list(owner), key));
    return server.run(
        Kind.COMMIT,
        commands,
        replies -> RedisReplies.isAlive(list(RedisReplies.executed(replies.get(execAt)).get(0))));
  }

  @Override
  public Rotated rotate(Rotation rotation, long ttlMs) {
    String owner = rotation.owner();
    String from = keys.session(rotation.from());
    String to = keys.session(rotation.to());
    RedisCommand rotate =
        owner == null
            ? RedisCommand.evaluate(RedisScript.ROTATE, from, to)
            : RedisCommand.evaluate(RedisScript.ROTATE, from, to, keys.list(owner), keys.epoch(owner));
    Change change = rotation.change();
    rotate
        .add(ttlMs)
        .add(rotation.tombstone())
        .add(TOMBSTONE_TTL_MS)
        .add(rotation.keepAttributes() ? 1 : 0)
        .add(rotation.ifVersion().isPresent() ? Long.toString(rotation.ifVersion().getAsLong()) : "")
        .add(rotation.isLogin() ? 1 : 0)
        .add(rotation.from())
        .add(rotation.to())
        .add(change.remove().size());
    change.remove().forEach(rotate::add);
    rotate.addFields(change.set());
    return server.run(
        Kind.COMMIT,
        List.of(rotate),
        replies -> {
          List<?> reply = list(replies.get(0));
          switch (text(reply.get(0))) {
            case "done":
              return Rotated.done(fields(reply.get(1)));
            case "conflict":
              return Rotated.CONFLICT;
            default:
              return Rotated.DEAD;
          }
        });
  }

  @Override
  public CompletableFuture<Void> touch(String key, long ttlMs, String owner) {
    List<RedisCommand> commands = new ArrayList<>(2);
    commands.add(RedisCommand.of(CommandType.PEXPIRE, keys.session(key), Long.toString(ttlMs)));
    if (owner != null) commands.add(owners.extend(owner, key, ttlMs));
    return server.send(commands);
  }

  @Override
  public int destroyAllOf(String owner, String except) {
    return owners.destroyAll(owner, except);
  }

  @Override
  public Locked lock(String key, String holder, long leaseMs) {
    RedisCommand lock = RedisCommand.evaluate(RedisScript.LOCK, keys.session(key)).add(holder).add(leaseMs);
    return server.run(
        Kind.COMMIT,
        List.of(lock),
        replies -> {
          List<?> reply = list(replies.get(0));
          switch (text(reply.get(0))) {
            case "done":
              return Locked.done(new Stored(fields(reply.get(1)), number(reply.get(2))));
            case "taken":
              return Locked.TAKEN;
            default:
              return Locked.DEAD;
          }
        });
  }

  @Override
  public void unlock(String key, String holder) {
    RedisCommand unlock = RedisCommand.evaluate(RedisScript.UNLOCK, keys.session(key)).add(holder);
    server.run(Kind.COMMIT, List.of(unlock), replies -> null);
  }

  /** SCAN may give a key twice while its table grows: each is counted once. */
  @Override
  public long count() {
    Set<String> alive = new HashSet<>();
    String cursor = "0";
    do {
      RedisCommand scan =
          RedisCommand.of(CommandType.SCAN, cursor, "MATCH", keys.session("*"), "COUNT", SCAN_COUNT);
      List<?> page = server.run(Kind.COMMIT, List.of(scan), replies -> list(replies.get(0)));
      cursor = text(page.get(0));
      List<String> names = RedisReplies.texts(page.get(1));
      List<RedisCommand> looks = new ArrayList<>();
      for (String name : names) looks.add(RedisCommand.of(CommandType.HMGET, name, "@c", "@x"));
      if (looks.isEmpty()) continue;
      List<Object> metas = server.run(Kind.COMMIT, looks, replies -> replies);
      for (int at = 0; at < names.size(); at += 1) {
        if (RedisReplies.isAlive(list(metas.get(at)))) alive.add(names.get(at));
      }
    } while (!cursor.equals("0"));
    return alive.size();
  }

  @Override
  public List<String> listed(String owner) {
    return owners.listed(owner);
  }

  @Override
  public StoreHealth health() {
    return server.health();
  }

  @Override
  public void close() {
    server.close();
  }

  private OptionalLong commitLocked(String name, Change change, long ttlMs, String holder) {
    RedisCommand commit =
        RedisCommand.evaluate(RedisScript.COMMIT_LOCKED, name).add(ttlMs).add(holder).add(change.remove().size());
    change.remove().forEach(commit::add);
    commit.addFields(change.set());
    return server.run(
        Kind.COMMIT,
        List.of(commit),
        replies -> {
          List<?> reply = list(replies.get(0));
          switch (text(reply.get(0))) {
            case "done":
              return OptionalLong.of(number(reply.get(1)));
            case "lost":
              throw new SessionException(
                  SessionException.Code.CONFLICT,
                  "this request has lost the lock of its session; nothing was written");
            default:
              return OptionalLong.empty();
          }
        });
  }
}
