package baton.tomcat.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Date;

/**
 * Objects of Java to tags and payloads, and back. Numbers are big-endian. Types are kept: i Integer, l Long, d Double, b
 * Boolean, s String, t java.util.Date, u byte[], j LinkedHashMap and ArrayList, J everything else that is serialisable.
 */
public final class ValueCodec {
  private final JavaValues javaValues;

  /** {@code javaValues}: null where values of tag J are neither written nor read. */
  public ValueCodec(JavaValues javaValues) {
    this.javaValues = javaValues;
  }

  /** Throws {@link SessionException} {@code VALUE} for what no tag can hold. {@code name}: of the attribute, to say so. */
  public Plain encode(String name, Object value) {
    if (value instanceof String && Utf8.isWhole((String) value)) return new Plain('s', Utf8.bytes((String) value));
    if (value instanceof Integer) return new Plain('i', ByteBuffer.allocate(4).putInt((Integer) value).array());
    if (value instanceof Long) return new Plain('l', int64((Long) value));
    if (value instanceof Double) return new Plain('d', ByteBuffer.allocate(8).putDouble((Double) value).array());
    if (value instanceof Boolean) return new Plain('b', new byte[] {(byte) ((Boolean) value ? 1 : 0)});
    if (value instanceof byte[]) return new Plain('u', ((byte[]) value).clone());
    // Exactly a Date: a java.sql.Timestamp comes back as what it was.
    if (value != null && value.getClass() == Date.class) return new Plain('t', int64(((Date) value).getTime()));
    if (value instanceof Instant && isWholeMs((Instant) value)) {
      return new Plain('t', int64(((Instant) value).toEpochMilli()));
    }
    if (JsonWriter.canWrite(value)) return new Plain('j', JsonWriter.write(value));
    return serialised(name, value);
  }

  /** A fresh object. Throws {@link SessionException} {@code FORMAT} for what cannot be read here. */
  public Object decode(String name, Plain plain) {
    try {
      return decoded(plain.tag(), plain.payload());
    } catch (IOException | ClassNotFoundException | RuntimeException | LinkageError | StackOverflowError cause) {
      throw unreadable(name, String.valueOf(plain.tag()), cause);
    }
  }

  /** As {@link #decode} throws. {@code tag}: "" if not even that can be read. */
  public static SessionException unreadable(String name, String tag, Throwable cause) {
    return new SessionException(
        SessionException.Code.FORMAT,
        "attribute \""
            + name
            + "\" has a value of type \""
            + tag
            + "\" that cannot be read here; it is kept as it is: read it where it was written, or assign a new value",
        cause);
  }

  private Object decoded(char tag, byte[] payload) throws IOException, ClassNotFoundException {
    switch (tag) {
      case 's':
        return Utf8.text(payload);
      case 'i':
        return sized(payload, 4).getInt();
      case 'l':
        return sized(payload, 8).getLong();
      case 'd':
        return sized(payload, 8).getDouble();
      case 'b':
        return sized(payload, 1).get() != 0;
      case 't':
        return new Date(sized(payload, 8).getLong());
      case 'u':
        return payload.clone();
      case 'j':
        return JsonReader.read(Utf8.text(payload));
      case 'J':
        if (javaValues == null) throw new IOException("Java serialisation is off");
        return javaValues.read(payload);
      default:
        throw new IOException("an unknown tag");
    }
  }

  private Plain serialised(String name, Object value) {
    if (javaValues == null) throw unfit(name, value, null);
    try {
      return new Plain('J', javaValues.write(value));
    } catch (IOException | StackOverflowError cause) {
      throw unfit(name, value, cause);
    }
  }

  private static SessionException unfit(String name, Object value, Throwable cause) {
    return new SessionException(
        SessionException.Code.VALUE,
        "attribute \""
            + name
            + "\" has a value of "
            + value.getClass().getName()
            + " that cannot be stored: it, or something within it, is not serialisable",
        cause);
  }

  private static boolean isWholeMs(Instant instant) {
    if (instant.getNano() % 1_000_000 != 0) return false;
    try {
      instant.toEpochMilli();
      return true;
    } catch (ArithmeticException tooFar) {
      return false;
    }
  }

  private static byte[] int64(long value) {
    return ByteBuffer.allocate(8).putLong(value).array();
  }

  private static ByteBuffer sized(byte[] payload, int bytes) throws IOException {
    if (payload.length != bytes) throw new IOException("a payload of the wrong length");
    return ByteBuffer.wrap(payload);
  }
}
