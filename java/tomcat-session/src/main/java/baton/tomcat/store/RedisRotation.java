package baton.tomcat.store;

import static baton.tomcat.store.RedisReplies.fields;
import static baton.tomcat.store.RedisReplies.list;
import static baton.tomcat.store.RedisReplies.text;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.RedisServers.Kind;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Moves a session to another key: in one script, or step by step where the keys may be on two servers. */
final class RedisRotation {
  /** Each costs two round trips, and is needed only if another request has committed during the one before. */
  private static final int MAX_TRIES = 10;

  private final RedisServers servers;
  private final RedisKeys keys;
  private final RedisOwners owners;

  RedisRotation(RedisServers servers, RedisKeys keys, RedisOwners owners) {
    this.servers = servers;
    this.keys = keys;
    this.owners = owners;
  }

  /** Both keys, and the user's, in one script. */
  Rotated atOnce(Rotation rotation, long ttlMs) {
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
        .add(SessionStore.TOMBSTONE_TTL_MS)
        .add(rotation.keepAttributes() ? 1 : 0)
        .add(rotation.ifVersion().isPresent() ? Long.toString(rotation.ifVersion().getAsLong()) : "")
        .add(rotation.isLogin() ? 1 : 0)
        .add(rotation.from())
        .add(rotation.to())
        .add(change.remove().size());
    change.remove().forEach(rotate::add);
    rotate.addFields(change.set());
    return servers.run(
        Kind.COMMIT,
        from,
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

  /**
   * The new key is written first, whole; then the old one becomes its tombstone, if it still has the version that was copied,
   * and otherwise the copy is made anew. Until the tombstone is written the old session is the one that counts, and nobody has
   * the id of the new one; the tombstone decides, and is atomic; after it the old key is dead for good.
   */
  Rotated inSteps(Rotation rotation, long ttlMs) {
    String owner = rotation.owner();
    String from = keys.session(rotation.from());
    String to = keys.session(rotation.to());
    String epoch = owner == null ? null : owners.announce(owner, rotation.to(), ttlMs);
    Map<String, byte[]> current =
        servers.run(
            Kind.COMMIT, from, List.of(RedisCommand.of(CommandType.HGETALL, from)), replies -> fields(replies.get(0)));
    for (int tries = 0; tries < MAX_TRIES; tries += 1) {
      Outcome outcome = outcomeFor(current, rotation, epoch);
      if (outcome.fields == null) {
        if (tries > 0) bury(to);
        if (outcome.isOutdated) owners.kill(rotation.from(), epoch);
        return outcome.rotated;
      }
      servers.run(
          Kind.COMMIT,
          to,
          List.of(RedisCommand.evaluate(RedisScript.REPLACE, to).add(ttlMs).addFields(outcome.fields)),
          replies -> null);
      byte[] version = current.get("@v");
      RedisCommand retire =
          RedisCommand.evaluate(RedisScript.RETIRE, from)
              .add(rotation.tombstone())
              .add(SessionStore.TOMBSTONE_TTL_MS)
              .add(version == null ? bytes("0") : version);
      List<?> retired = servers.run(Kind.COMMIT, from, List.of(retire), replies -> list(replies.get(0)));
      if (text(retired.get(0)).equals("done")) {
        if (owner != null) {
          owners.confirm(owner, rotation.to(), text(outcome.fields.get("@e")), ttlMs);
          owners.forget(owner, rotation.from());
        }
        return Rotated.done(outcome.fields);
      }
      current = retired.size() < 2 ? Map.of() : fields(retired.get(1));
    }
    bury(to);
    throw new SessionException(
        SessionException.Code.CONFLICT, "others kept writing to the session that was to get a new id; try again");
  }

  private void bury(String copy) {
    servers.run(Kind.COMMIT, copy, List.of(RedisCommand.of(CommandType.UNLINK, copy)), replies -> null);
  }

  private static Outcome outcomeFor(Map<String, byte[]> current, Rotation rotation, String epoch) {
    if (!current.containsKey("@c") || current.containsKey("@x")) return new Outcome(Rotated.DEAD, false);
    long version = number(current.get("@v"));
    if (rotation.ifVersion().isPresent() && rotation.ifVersion().getAsLong() != version) {
      return new Outcome(Rotated.CONFLICT, false);
    }
    Map<String, byte[]> fields = new LinkedHashMap<>();
    current.forEach(
        (field, value) -> {
          boolean isAttribute = field.startsWith(".") || field.startsWith("@j.");
          if (rotation.keepAttributes() || !isAttribute) fields.put(field, value);
        });
    fields.putAll(rotation.change().set());
    fields.keySet().removeAll(rotation.change().remove());
    if (epoch != null) {
      // Who logs in belongs to the present epoch; a session that only gets a new id must not outlive a log-out-everywhere.
      long own = rotation.isLogin() ? Long.parseLong(epoch) : number(current.get("@e"));
      if (own < Long.parseLong(epoch)) return new Outcome(Rotated.DEAD, true);
      fields.put("@e", bytes(Long.toString(own)));
    }
    fields.put("@v", bytes(Long.toString(version + 1)));
    return new Outcome(fields);
  }

  private static long number(byte[] digits) {
    return digits == null ? 0 : RedisReplies.number(digits);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** What the new key is to hold, or why there will be none. */
  private static final class Outcome {
    private final Map<String, byte[]> fields;
    private final Rotated rotated;
    /** Its user was logged out everywhere. */
    private final boolean isOutdated;

    Outcome(Map<String, byte[]> fields) {
      this.fields = fields;
      rotated = null;
      isOutdated = false;
    }

    Outcome(Rotated rotated, boolean isOutdated) {
      this.fields = null;
      this.rotated = rotated;
      this.isOutdated = isOutdated;
    }
  }
}
