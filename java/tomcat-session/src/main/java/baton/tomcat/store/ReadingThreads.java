package baton.tomcat.store;

import io.lettuce.core.resource.NettyCustomizer;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/** The threads that write commands and read replies. While they have no processor, answers wait in their sockets. */
final class ReadingThreads implements NettyCustomizer {
  private final Set<EventLoop> threads = new CopyOnWriteArraySet<>();

  @Override
  public void afterChannelInitialized(Channel channel) {
    threads.add(channel.eventLoop());
  }

  /** Done when all that had come by now has been read, and all that was to be sent has been written. */
  CompletableFuture<Void> look() {
    return CompletableFuture.allOf(threads.stream().map(ReadingThreads::look).toArray(CompletableFuture<?>[]::new));
  }

  private static CompletableFuture<Void> look(EventLoop thread) {
    CompletableFuture<Void> looked = new CompletableFuture<>();
    try {
      // It may be past its look at the sockets, and at its tasks; what a task schedules waits until it has looked again.
      thread.execute(() -> lookAgain(thread, looked));
    } catch (RejectedExecutionException closed) {
      looked.complete(null);
    }
    return looked;
  }

  private static void lookAgain(EventLoop thread, CompletableFuture<Void> looked) {
    try {
      thread.schedule(() -> looked.complete(null), 1, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException closed) {
      looked.complete(null);
    }
  }
}
