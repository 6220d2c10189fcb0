package baton.tomcat.store;

import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisChannelWriter;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

/** One connection of Lettuce, used until it is lost, and never again. Shared by all threads. */
final class RedisConnection {
  private final RedisChannelHandler<byte[], byte[]> handler;
  private final RedisChannelWriter writer;
  private final LongAdder answers = new LongAdder();
  private final ReentrantLock writing = new ReentrantLock();

  RedisConnection(RedisChannelHandler<byte[], byte[]> handler) {
    this.handler = handler;
    // Not through the connection's own dispatch: it keeps track of one MULTI for all threads, and ours overlap.
    this.writer = handler.getChannelWriter();
  }

  /**
   * All commands in one write, with nothing of other threads in between: Lettuce hands each command over on its own, and
   * another thread's MULTI may come between. Not to be called by threads of Netty, which hand nothing over, and would be ahead
   * of what is on its way.
   */
  CompletableFuture<List<Object>> send(List<RedisCommand> commands) {
    RedisBatch batch = new RedisBatch(commands);
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

  boolean isOpen() {
    return handler.isOpen() && !handler.isClosed();
  }

  /** How many batches it has answered. */
  long answers() {
    return answers.sum();
  }

  void close() {
    handler.closeAsync();
  }
}
