package baton.tomcat.store;

/** An error that Redis answered with, as in {@code WRONGTYPE Operation against …}. */
final class RedisError {
  private final String message;

  RedisError(String message) {
    this.message = message;
  }

  /** Its first word. */
  String code() {
    int end = message.indexOf(' ');
    return end < 0 ? message : message.substring(0, end);
  }

  String message() {
    return message;
  }
}
