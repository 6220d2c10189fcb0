package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.session.Sessions;
import baton.tomcat.store.Wanted;

/**
 * Before the first request: connects, and asks for sessions that nobody has. A JVM that has just started needs longer for its
 * first connection and its first commands than a request may wait for them.
 */
final class WarmUp {
  private static final int LOADS = 100;
  /** Without a store a node starts as well, if later. */
  private static final long MAX_NS = 3_000_000_000L;

  private WarmUp() {}

  static void of(Sessions sessions) {
    long until = System.nanoTime() + MAX_NS;
    int answers = 0;
    while (answers < LOADS && System.nanoTime() < until && !Thread.currentThread().isInterrupted()) {
      try {
        sessions.load(sessions.newId(), Wanted.FRESH);
        answers += 1;
      } catch (SessionException notYet) {
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
