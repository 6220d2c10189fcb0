package baton.tomcat.session;

import baton.tomcat.store.SessionStoreException;

/** A short wait before something is tried again. */
final class Pause {
  private Pause() {}

  static void ms(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException cause) {
      Thread.currentThread().interrupt();
      throw new SessionStoreException("interrupted while waiting for a session", cause);
    }
  }
}
