package baton.tomcat.store;

import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisChannelWriter;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.api.StatefulRedisConnection;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** One connection of Lettuce, used until it is lost, and never again. Shared by all threads. */
final class RedisConnection {
  private final RedisChannelHandler<byte[], byte[]> handler;
  private final StatefulRedisConnection<byte[], byte[]> connection;
  private final RedisChannelWriter writer;
  private final ReadingThreads threads;
  private final LongAdder answers = new LongAdder();
  private final ReentrantLock writing = new ReentrantLock();

  /** {@code connection}: the same, as Lettuce shows it. {@code threads}: those that serve it. */
  RedisConnection(
      RedisChannelHandler<byte[], byte[]> handler,
      StatefulRedisConnection<byte[], byte[]> connection,
      ReadingThreads threads) {
    this.handler = handler;
    this.connection = connection;
    this.threads = threads;
    // Not through the connection's own dispatch: it keeps track of one MULTI for all threads, and ours overlap.
    this.writer = handler.getChannelWriter();
  }

  /**
   * All commands in one write, with nothing of other threads in between: Lettuce hands each command over on its own, and
   * another thread's MULTI may come between. Not to be called by threads of Netty, which hand nothing over, and would be ahead
   * of what is on its way.
   */
  CompletableFuture<List<Object>> send(List<RedisCommand> commands) {
    return send(new RedisBatch(commands));
  }

  /** The same. */
  CompletableFuture<List<Object>> send(RedisBatch batch) {
    writing.lock();
    try {
      writer.write(batch.commands());
    } finally {
      writing.unlock();
    }
    CompletableFuture<List<Object>> replies = batch.replies();
    replies.thenRun(answers::increment);
    return replies;
  }

  /** Fails with a TimeoutException if that takes longer, and what was answered in time has been read. */
  CompletableFuture<List<Object>> sendWithin(long ms, RedisBatch batch) {
    CompletableFuture<List<Object>> replies = send(batch);
    return replies
        .copy()
        .orTimeout(ms, TimeUnit.MILLISECONDS)
        .handle(
            (inTime, late) -> {
              if (!(late instanceof TimeoutException)) return replies;
              return look().thenCompose(looked -> replies.isDone() ? replies : CompletableFuture.failedFuture(late));
            })
        .thenCompose(last -> last);
  }

  /**
   * Tells of each push of client-side caching, in order with the replies, by the thread that reads them: names of keys, or
   * null for all.
   */
  void onInvalidation(Consumer<List<String>> listener) {
    connection.addListener(
        push -> {
          if (push.getType().equals("invalidate")) listener.accept(keysIn(push.getContent()));
        });
  }

  /** At once, by a thread of Netty. */
  void onLost(Runnable listener) {
    handler.addListener(
        new RedisConnectionStateListener() {
          @Override
          public void onRedisDisconnected(RedisChannelHandler<?, ?> lost) {
            listener.run();
          }
        });
  }

  private static List<String> keysIn(List<Object> content) {
    Object keys = content.size() < 2 ? null : content.get(1);
    if (!(keys instanceof List)) return null;
    List<String> names = new ArrayList<>();
    for (Object key : (List<?>) keys) names.add(StandardCharsets.UTF_8.decode(((ByteBuffer) key).duplicate()).toString());
    return names;
  }

  boolean isOpen() {
    return handler.isOpen() && !handler.isClosed();
  }

  /** Done when all that has come by now has been read. */
  CompletableFuture<Void> look() {
    return threads.look();
  }

  /** How many batches it has answered. */
  long answers() {
    return answers.sum();
  }

  void close() {
    handler.closeAsync();
  }
}
