package baton.tomcat.store;

import baton.tomcat.format.SessionException;

/** The store cannot say: away, late, or answering with an error. Never absence. */
public final class SessionStoreException extends SessionException {
  private static final long serialVersionUID = 1L;

  public SessionStoreException(String message) {
    this(message, null);
  }

  public SessionStoreException(String message, Throwable cause) {
    super(Code.UNAVAILABLE, message + "; see that it runs and can be reached", cause);
  }
}
