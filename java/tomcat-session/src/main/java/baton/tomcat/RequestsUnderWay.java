package baton.tomcat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Requests that are in the application, or write their sessions: Tomcat itself waits only for those that are in a servlet. */
final class RequestsUnderWay {
  private static final long LOOK_MS = 5;

  private final AtomicInteger count = new AtomicInteger();

  void begin() {
    count.incrementAndGet();
  }

  void end() {
    count.decrementAndGet();
  }

  /** Returns after {@code ms} at the latest, or when the thread is interrupted. */
  void awaitNone(long ms) {
    long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
    try {
      while (count.get() > 0 && System.nanoTime() < untilNs) Thread.sleep(LOOK_MS);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
