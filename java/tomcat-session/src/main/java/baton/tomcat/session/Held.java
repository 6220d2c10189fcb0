package baton.tomcat.session;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.UUID;

/** A value that the application holds: assigned by it, or handed out to it. */
final class Held {
  final Object value;
  /** Whether it is to be written whatever the store has; otherwise only if it was changed in place. */
  private boolean isAssigned;

  private Held(Object value, boolean isAssigned) {
    this.value = value;
    this.isAssigned = isAssigned;
  }

  static Held assigned(Object value) {
    return new Held(value, true);
  }

  static Held handedOut(Object value) {
    return new Held(value, false);
  }

  boolean isAssigned() {
    return isAssigned;
  }

  void assign() {
    isAssigned = true;
  }

  /** The store has it now. */
  void settle() {
    isAssigned = false;
  }

  /** Whether it may differ from what the store has. */
  boolean mayDiffer() {
    return isAssigned || !isImmutable(value);
  }

  private static boolean isImmutable(Object value) {
    if (value == null || value instanceof String || value instanceof Boolean || value instanceof Enum) return true;
    Class<?> type = value.getClass();
    return type == Integer.class
        || type == Long.class
        || type == Double.class
        || type == Short.class
        || type == Byte.class
        || type == Float.class
        || type == Character.class
        || type == BigInteger.class
        || type == BigDecimal.class
        || type == UUID.class
        || type.getName().startsWith("java.time.");
  }
}
