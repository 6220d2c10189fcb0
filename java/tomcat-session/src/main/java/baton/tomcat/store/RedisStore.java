package baton.tomcat.store;

import static baton.tomcat.store.RedisReplies.fields;
import static baton.tomcat.store.RedisReplies.list;
import static baton.tomcat.store.RedisReplies.number;
import static baton.tomcat.store.RedisReplies.text;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.RedisServers.Kind;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/**
 * Sessions in Redis, one hash each. Every method is one round trip, but for destroyAllOf and count; in a cluster a login takes
 * up to six, a new id three.
 */
public final class RedisStore implements SessionStore {
  private final RedisServers servers;
  private final RedisKeys keys;
  private final RedisOwners owners;
  private final RedisRotation rotations;

  private RedisStore(RedisServers servers, RedisKeys keys) {
    this.servers = servers;
    this.keys = keys;
    owners = new RedisOwners(servers, keys);
    rotations = new RedisRotation(servers, keys, owners);
  }

  /**
   * Connects in the background. {@code url}: {@code redis://[user:password@]host[:port][/database]}, {@code
   * redis+sentinel://[user:password@]host:port,…/<master>[/<database>]}, {@code redis+cluster://host:port,…}; {@code rediss} for
   * TLS, with {@code ?ca=…&cert=…&key=…} for files in PEM. Throws {@link SessionException} {@code OPTIONS}.
   */
  public static RedisStore open(String url, String namespace, Timeouts timeouts) {
    return open(url, namespace, timeouts, null);
  }

  /** {@code tracking}: told of what becomes of connections and keys, for a near cache; null for none. */
  static RedisStore open(String url, String namespace, Timeouts timeouts, Tracking tracking) {
    RedisKeys keys = new RedisKeys(namespace);
    return new RedisStore(RedisServers.open(RedisUrl.parse(url), timeouts, tracking), keys);
  }

  @Override
  public Stored load(String key, Wanted wanted) {
    String name = keys.session(key);
    List<RedisCommand> commands =
        List.of(RedisCommand.of(CommandType.HGETALL, name), RedisCommand.of(CommandType.PTTL, name));
    return servers.run(
        Kind.LOAD,
        name,
        commands,
        replies -> {
          Map<String, byte[]> fields = fields(replies.get(0));
          return fields.isEmpty() ? null : new Stored(fields, number(replies.get(1)));
        });
  }

  @Override
  public boolean create(String key, Map<String, byte[]> fields, long ttlMs, String owner) {
    if (owner == null) return create(key, fields, ttlMs);
    if (servers.isCluster()) return createInSteps(key, fields, ttlMs, owner);
    String name = keys.session(key);
    RedisCommand create =
        RedisCommand.evaluate(RedisScript.CREATE_OWNED, name, keys.list(owner), keys.epoch(owner))
            .add(ttlMs)
            .add(key)
            .addFields(fields);
    return servers.run(Kind.COMMIT, name, List.of(create), replies -> number(replies.get(0)) == 1);
  }

  private boolean create(String key, Map<String, byte[]> fields, long ttlMs) {
    String name = keys.session(key);
    RedisCommand create = RedisCommand.evaluate(RedisScript.CREATE, name).add(ttlMs).addFields(fields);
    return servers.run(Kind.COMMIT, name, List.of(create), replies -> number(replies.get(0)) == 1);
  }

  private boolean createInSteps(String key, Map<String, byte[]> fields, long ttlMs, String owner) {
    String epoch = owners.announce(owner, key, ttlMs);
    Map<String, byte[]> all = new LinkedHashMap<>(fields);
    all.put("@e", epoch.getBytes(StandardCharsets.US_ASCII));
    if (!create(key, all, ttlMs)) return false;
    owners.confirm(owner, key, epoch, ttlMs);
    return true;
  }

  @Override
  public OptionalLong commit(String key, Change change, long ttlMs, CommitOptions options) {
    String name = keys.session(key);
    String owner = options.owner();
    // The script of a lock must write nothing if the lock is lost.
    boolean isApart = servers.isCluster() || options.lock() != null;
    if (owner != null && isApart) servers.send(keys.list(owner), List.of(owners.extend(owner, key, ttlMs)));
    if (options.lock() != null) return commitLocked(name, change, ttlMs, options.lock());
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
    if (owner != null && !isApart) commands.add(owners.extend(owner, key, ttlMs));
    return servers.run(Kind.COMMIT, name, commands, replies -> RedisReplies.committed(replies.get(execAt)));
  }

  @Override
  public Updated update(String key, String field, String etag, byte[] value, long ttlMs) {
    String name = keys.session(key);
    RedisCommand update = RedisCommand.evaluate(RedisScript.UPDATE, name).add(ttlMs).add(field).add(etag);
    if (value != null) update.add(value);
    return servers.run(
        Kind.COMMIT,
        name,
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
    if (owner != null && !servers.isCluster()) commands.add(RedisCommand.of(CommandType.ZREM, keys.list(owner), key));
    boolean hasEnded =
        servers.run(
            Kind.COMMIT,
            name,
            commands,
            replies -> RedisReplies.isAlive(list(RedisReplies.executed(replies.get(execAt)).get(0))));
    // Not before: a session must be listed for as long as it is alive.
    if (owner != null && servers.isCluster()) owners.forget(owner, key);
    return hasEnded;
  }

  @Override
  public Rotated rotate(Rotation rotation, long ttlMs) {
    return servers.isCluster() ? rotations.inSteps(rotation, ttlMs) : rotations.atOnce(rotation, ttlMs);
  }

  @Override
  public CompletableFuture<Void> touch(String key, long ttlMs, String owner) {
    String name = keys.session(key);
    RedisCommand prolong = RedisCommand.of(CommandType.PEXPIRE, name, Long.toString(ttlMs));
    if (owner == null) return servers.send(name, List.of(prolong));
    RedisCommand extend = owners.extend(owner, key, ttlMs);
    if (!servers.isCluster()) return servers.send(name, List.of(prolong, extend));
    return CompletableFuture.allOf(
        servers.send(name, List.of(prolong)), servers.send(keys.list(owner), List.of(extend)));
  }

  @Override
  public void unlist(String key, String owner) {
    owners.forget(owner, key);
  }

  @Override
  public int destroyAllOf(String owner, String except) {
    return owners.destroyAll(owner, except);
  }

  @Override
  public Locked lock(String key, String holder, long leaseMs) {
    String name = keys.session(key);
    RedisCommand lock = RedisCommand.evaluate(RedisScript.LOCK, name).add(holder).add(leaseMs);
    return servers.run(
        Kind.COMMIT,
        name,
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
    String name = keys.session(key);
    RedisCommand unlock = RedisCommand.evaluate(RedisScript.UNLOCK, name).add(holder);
    servers.run(Kind.COMMIT, name, List.of(unlock), replies -> null);
  }

  @Override
  public long count() {
    return new RedisCount(servers, keys).count();
  }

  @Override
  public List<String> listed(String owner) {
    return owners.listed(owner);
  }

  @Override
  public StoreHealth health() {
    return servers.health();
  }

  @Override
  public void close() {
    servers.close();
  }

  private OptionalLong commitLocked(String name, Change change, long ttlMs, String holder) {
    RedisCommand commit =
        RedisCommand.evaluate(RedisScript.COMMIT_LOCKED, name).add(ttlMs).add(holder).add(change.remove().size());
    change.remove().forEach(commit::add);
    commit.addFields(change.set());
    return servers.run(
        Kind.COMMIT,
        name,
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
