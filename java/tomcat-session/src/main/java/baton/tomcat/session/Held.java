package baton.tomcat.session;

import baton.tomcat.format.JsonTree;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.UUID;

/** A value that the application holds: assigned by it, or handed out to it. */
final class Held {
  final Object value;
  /** The tree of JSON of which {@link #value} is a copy, as the store has it; null: something else, or not known. */
  private Object original;
  /** Whether it is to be written whatever the store has; otherwise only if it was changed in place. */
  private boolean isAssigned;

  private Held(Object value, Object original, boolean isAssigned) {
    this.value = value;
    this.original = original;
    this.isAssigned = isAssigned;
  }

  static Held assigned(Object value) {
    return new Held(value, null, true);
  }

  static Held handedOut(Object value) {
    return new Held(value, null, false);
  }

  /** {@code value}: a copy of {@code original}, which nobody alters. */
  static Held copied(Object value, Object original) {
    return new Held(value, original, false);
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
    original = null;
  }

  /** Whether it may differ from what the store has. */
  boolean mayDiffer() {
    if (isAssigned) return true;
    return !isImmutable(value) && (original == null || !JsonTree.isSame(value, original));
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
