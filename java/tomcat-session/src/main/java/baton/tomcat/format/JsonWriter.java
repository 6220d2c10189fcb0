package baton.tomcat.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Maps and lists as JSON, where {@link JsonReader} gives back the same types: another node's code casts as this one's does.
 * So a Long that would come back as an Integer, a Date within a list, or a TreeMap is not for JSON.
 */
final class JsonWriter {
  /** As deep as one may write, may one read. */
  static final int MAX_DEPTH = 500;

  private static final JsonFactory FACTORY = new JsonFactory();
  private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

  /**
   * Collections that cannot be named in a cast, and hold their content in its order: code that got one from these knows
   * only List or Map.
   */
  private static final Set<String> NAMELESS =
      Set.of(
          List.of().getClass().getName(),
          List.of(1).getClass().getName(),
          Map.of().getClass().getName(),
          Map.of(1, 1).getClass().getName(),
          "java.util.Arrays$ArrayList",
          "java.util.Collections$EmptyList",
          "java.util.Collections$EmptyMap",
          "java.util.Collections$SingletonList",
          "java.util.Collections$SingletonMap",
          "java.util.Collections$UnmodifiableList",
          "java.util.Collections$UnmodifiableRandomAccessList",
          "java.util.Collections$UnmodifiableMap");

  private JsonWriter() {}

  /** Whether the value is a map or list (or null) that comes back as it was. */
  static boolean canWrite(Object value) {
    return value == null || ((value instanceof Map || value instanceof List) && fits(value, 1));
  }

  static byte[] write(Object value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
    try (JsonGenerator generator = FACTORY.createGenerator(bytes)) {
      write(value, generator);
    } catch (IOException impossible) {
      throw new IllegalStateException(impossible);
    }
    return bytes.toByteArray();
  }

  private static boolean fits(Object value, int depth) {
    if (value == null || value instanceof Boolean || value instanceof Integer) return true;
    if (value instanceof String) return Utf8.isWhole((String) value);
    if (value instanceof Long) return (Long) value != ((Long) value).intValue();
    if (value instanceof Double) return Double.isFinite((Double) value);
    if (value.getClass() == BigInteger.class) {
      BigInteger number = (BigInteger) value;
      return number.compareTo(LONG_MIN) < 0 || number.compareTo(LONG_MAX) > 0;
    }
    if (depth > MAX_DEPTH || !isPlain(value.getClass())) return false;
    if (value instanceof List) {
      for (Object item : (List<?>) value) if (!fits(item, depth + 1)) return false;
      return true;
    }
    for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
      Object key = entry.getKey();
      boolean isName = key instanceof String && !"__proto__".equals(key) && Utf8.isWhole((String) key);
      if (!isName || !fits(entry.getValue(), depth + 1)) return false;
    }
    return true;
  }

  private static boolean isPlain(Class<?> type) {
    return type == ArrayList.class
        || type == HashMap.class
        || type == LinkedHashMap.class
        || NAMELESS.contains(type.getName());
  }

  private static void write(Object value, JsonGenerator generator) throws IOException {
    if (value == null) generator.writeNull();
    else if (value instanceof String) generator.writeString((String) value);
    else if (value instanceof Boolean) generator.writeBoolean((Boolean) value);
    else if (value instanceof Integer) generator.writeNumber((Integer) value);
    else if (value instanceof Long) generator.writeNumber((Long) value);
    else if (value instanceof Double) generator.writeNumber((Double) value);
    else if (value instanceof BigInteger) generator.writeNumber((BigInteger) value);
    else if (value instanceof List) {
      generator.writeStartArray();
      for (Object item : (List<?>) value) write(item, generator);
      generator.writeEndArray();
    } else {
      generator.writeStartObject();
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        generator.writeFieldName((String) entry.getKey());
        write(entry.getValue(), generator);
      }
      generator.writeEndObject();
    }
  }
}
