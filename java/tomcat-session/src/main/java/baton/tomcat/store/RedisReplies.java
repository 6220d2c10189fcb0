package baton.tomcat.store;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** What replies mean. Each throws for a reply of another shape: that is an answer that the store failed to give. */
final class RedisReplies {
  private RedisReplies() {}

  static String text(Object reply) {
    return new String((byte[]) reply, StandardCharsets.UTF_8);
  }

  static long number(Object reply) {
    return reply instanceof Long ? (Long) reply : Long.parseLong(text(reply));
  }

  /** A number as Redis keeps it. */
  static byte[] bytes(long number) {
    return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
  }

  static List<?> list(Object reply) {
    return (List<?>) reply;
  }

  static List<String> texts(Object reply) {
    List<String> texts = new ArrayList<>();
    for (Object item : list(reply)) texts.add(text(item));
    return texts;
  }

  /** Of HGETALL. */
  static Map<String, byte[]> fields(Object reply) {
    List<?> flat = list(reply);
    Map<String, byte[]> fields = new LinkedHashMap<>(flat.size());
    for (int at = 0; at + 1 < flat.size(); at += 2) fields.put(text(flat.get(at)), (byte[]) flat.get(at + 1));
    return fields;
  }

  /** Of HMGET {@code @c @x …}. */
  static boolean isAlive(List<?> meta) {
    return meta.get(0) != null && meta.get(1) == null;
  }

  /**
   * Of EXEC. A command may fail within a transaction, and the others happen all the same (WRONGTYPE): that is an error as
   * well.
   */
  static List<?> executed(Object exec) {
    if (exec == null) throw new SessionStoreException("Redis dropped a transaction");
    for (Object result : list(exec)) {
      if (result instanceof RedisError) {
        throw new SessionStoreException("the session store refused: " + ((RedisError) result).message());
      }
    }
    return list(exec);
  }

  /** Of EXEC after a commit, whose last command was HMGET {@code @c @x @v}. */
  static OptionalLong committed(Object exec) {
    List<?> results = executed(exec);
    List<?> meta = list(results.get(results.size() - 1));
    return isAlive(meta) ? OptionalLong.of(number(meta.get(2))) : OptionalLong.empty();
  }
}
