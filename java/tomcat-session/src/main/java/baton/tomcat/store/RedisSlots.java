package baton.tomcat.store;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Which of the slots of a cluster a key is in, and which of its masters has it (Redis Cluster specification). */
final class RedisSlots {
  static final int COUNT = 16_384;

  private static final int POLYNOMIAL = 0x1021;

  private RedisSlots() {}

  /** CRC-16/XMODEM of the key, or of what stands in its first braces. */
  static int of(String key) {
    int open = key.indexOf('{');
    int close = open < 0 ? -1 : key.indexOf('}', open + 1);
    String hashed = close > open + 1 ? key.substring(open + 1, close) : key;
    int crc = 0;
    for (byte octet : hashed.getBytes(StandardCharsets.UTF_8)) {
      crc ^= (octet & 0xff) << 8;
      for (int bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ ((crc & 0x8000) == 0 ? 0 : POLYNOMIAL)) & 0xffff;
    }
    return crc % COUNT;
  }

  /** The masters in a reply of CLUSTER SLOTS. {@code asked}: the host that gave it, which may leave itself unnamed. */
  static List<Range> read(Object reply, String asked) {
    List<Range> ranges = new ArrayList<>();
    for (Object item : RedisReplies.list(reply)) {
      List<?> range = RedisReplies.list(item);
      List<?> master = RedisReplies.list(range.get(2));
      String host = master.get(0) == null ? "" : RedisReplies.text(master.get(0));
      int port = (int) RedisReplies.number(master.get(1));
      ranges.add(
          new Range(
              (int) RedisReplies.number(range.get(0)),
              (int) RedisReplies.number(range.get(1)),
              new RedisAddress(host.isEmpty() ? asked : host, port)));
    }
    return ranges;
  }

  static final class Range {
    private final int from;
    private final int to;
    private final RedisAddress master;

    private Range(int from, int to, RedisAddress master) {
      this.from = from;
      this.to = to;
      this.master = master;
    }

    int from() {
      return from;
    }

    /** The last one of them. */
    int to() {
      return to;
    }

    RedisAddress master() {
      return master;
    }
  }
}
