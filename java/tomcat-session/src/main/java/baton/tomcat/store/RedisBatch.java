package baton.tomcat.store;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.Command;
import io.lettuce.core.protocol.CommandArgs;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Commands that go out in one write, and their replies. The future fails if the connection is lost; errors that Redis answers
 * with are among the replies.
 */
final class RedisBatch {
  private final List<Sent> commands;
  private final AtomicInteger missing;
  private final long handedOverAtNs = System.nanoTime();
  /** 0: not yet. */
  private volatile long writtenAtNs;
  private final CompletableFuture<List<Object>> replies = new CompletableFuture<>();

  RedisBatch(List<RedisCommand> given) {
    commands = new ArrayList<>(given.size());
    for (RedisCommand command : given) commands.add(new Sent(command));
    missing = new AtomicInteger(given.size());
  }

  List<? extends Command<byte[], byte[], Object>> commands() {
    return Collections.unmodifiableList(commands);
  }

  /** One for each command, in order. */
  CompletableFuture<List<Object>> replies() {
    return replies;
  }

  /** For how long they have waited, or wait, for the thread that writes them. */
  long delayNs() {
    long writtenNs = writtenAtNs;
    return (writtenNs == 0 ? System.nanoTime() : writtenNs) - handedOverAtNs;
  }

  private void arrived() {
    if (missing.decrementAndGet() > 0) return;
    List<Object> all = new ArrayList<>(commands.size());
    for (Sent command : commands) all.add(command.getOutput().get());
    replies.complete(all);
  }

  private static CommandArgs<byte[], byte[]> argumentsOf(RedisCommand command) {
    CommandArgs<byte[], byte[]> arguments = new CommandArgs<>(ByteArrayCodec.INSTANCE);
    for (byte[] argument : command.arguments()) arguments.add(argument);
    return arguments;
  }

  private final class Sent extends Command<byte[], byte[], Object> {
    Sent(RedisCommand command) {
      super(command.type(), new RedisReply(), argumentsOf(command));
    }

    @Override
    public void encode(ByteBuf buffer) {
      if (writtenAtNs == 0) writtenAtNs = System.nanoTime();
      super.encode(buffer);
    }

    @Override
    public void complete() {
      super.complete();
      arrived();
    }

    @Override
    public boolean completeExceptionally(Throwable cause) {
      super.completeExceptionally(cause);
      return replies.completeExceptionally(cause);
    }

    @Override
    public void cancel() {
      super.cancel();
      replies.completeExceptionally(new CancellationException("cancelled"));
    }
  }
}
