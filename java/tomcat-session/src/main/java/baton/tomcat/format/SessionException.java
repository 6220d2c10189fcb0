package baton.tomcat.format;

/**
 * What went wrong with a session. The code is for programs; the status is what a request that meets it is answered
 * with. No message ever holds a session's id.
 */
public class SessionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** As in the protocol's table of errors. */
  public enum Code {
    /** The store did not answer in time, or with an error. The session may well be there. */
    UNAVAILABLE("session-unavailable", 503),
    /** A record, or a value, that this version must not or cannot read. */
    FORMAT("session-format", 503),
    /** The session was destroyed or replaced meanwhile. */
    GONE("session-gone", 409),
    /** Others kept changing what was to be changed. */
    CONFLICT("session-conflict", 503),
    /** Another request kept the session's lock for too long. */
    LOCKED("session-locked", 503),
    /** A value that cannot be stored. */
    VALUE("session-value", 500),
    /** An attribute, or the session, is over its limit. */
    TOO_LARGE("session-too-large", 500),
    /** The options are wrong. */
    OPTIONS("session-options", 500);

    private final String word;
    private final int status;

    Code(String word, int status) {
      this.word = word;
      this.status = status;
    }

    /** As the protocol names it, for example {@code session-unavailable}. */
    public String word() {
      return word;
    }

    /** The HTTP status; 503 goes with {@code Retry-After: 1}. */
    public int status() {
      return status;
    }
  }

  private final Code code;

  public SessionException(Code code, String message) {
    this(code, message, null);
  }

  public SessionException(Code code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  public Code code() {
    return code;
  }

  /** The HTTP status; 503 goes with {@code Retry-After: 1}. */
  public int status() {
    return code.status();
  }
}
