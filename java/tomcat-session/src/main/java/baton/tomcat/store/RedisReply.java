package baton.tomcat.store;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.CommandOutput;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * A reply of any shape: byte[], Long, Double, Boolean, null, {@link RedisError}, or a list of those; maps are flat lists. An
 * error within a list is an element of it.
 */
final class RedisReply extends CommandOutput<byte[], byte[], Object> {
  private final Deque<Level> levels = new ArrayDeque<>(4);

  RedisReply() {
    super(ByteArrayCodec.INSTANCE, null);
  }

  @Override
  public void set(ByteBuffer bytes) {
    if (bytes == null) {
      add(null);
      return;
    }
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    add(copy);
  }

  @Override
  public void set(long integer) {
    add(integer);
  }

  @Override
  public void set(double number) {
    add(number);
  }

  @Override
  public void set(boolean value) {
    add(value);
  }

  @Override
  public void setError(ByteBuffer error) {
    add(new RedisError(decodeString(error)));
  }

  /** What became of the connection, which {@link RedisBatch} is told of. */
  @Override
  public void setError(String error) {}

  @Override
  public void multi(int count) {
    if (count < 0) add(null);
    else if (count == 0) add(List.of());
    else levels.push(new Level(count));
  }

  private void add(Object value) {
    Object complete = value;
    while (!levels.isEmpty()) {
      Level level = levels.peek();
      level.items.add(complete);
      if (level.items.size() < level.count) return;
      levels.pop();
      complete = level.items;
    }
    output = complete;
  }

  private static final class Level {
    private final int count;
    private final List<Object> items;

    Level(int count) {
      this.count = count;
      this.items = new ArrayList<>(count);
    }
  }
}
