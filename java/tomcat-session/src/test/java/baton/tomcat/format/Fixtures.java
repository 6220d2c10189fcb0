package baton.tomcat.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The golden fixtures of the format, which every implementation runs. */
public final class Fixtures {
  private static final Path FOLDER = Path.of(System.getProperty("basedir", "."), "../../packages/session/fixtures");

  private Fixtures() {}

  public static Object read(String name) {
    try {
      // Their keys named __proto__ are names of fields here, ".__proto__", and so are read.
      return JsonReader.read(new String(Files.readAllBytes(FOLDER.resolve(name + ".json")), StandardCharsets.UTF_8));
    } catch (IOException cause) {
      throw new UncheckedIOException(cause);
    }
  }

  /** An object of the fixtures. */
  @SuppressWarnings("unchecked")
  public static Map<String, Object> map(Object value) {
    return (Map<String, Object>) value;
  }

  @SuppressWarnings("unchecked")
  public static List<Object> list(Object value) {
    return (List<Object>) value;
  }

  public static byte[] bytes(Object hex) {
    return Hex.bytes((String) hex);
  }

  public static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte b : bytes) text.append(String.format("%02x", b));
    return text.toString();
  }

  public static Map<String, byte[]> fields(Object of) {
    Map<String, byte[]> fields = new LinkedHashMap<>();
    if (of != null) map(of).forEach((field, hex) -> fields.put(field, bytes(hex)));
    return fields;
  }

  /** A value in the fixtures' notation, as the type of Java that the tag stands for. {@code tag}: null for any. */
  public static Object meant(Object value, String tag) {
    if (value instanceof Map && map(value).size() == 1) {
      Map.Entry<String, Object> only = map(value).entrySet().iterator().next();
      String text = String.valueOf(only.getValue());
      switch (only.getKey()) {
        case "$undefined":
          return null;
        case "$bigint":
          return Long.valueOf(text);
        case "$number":
          return Double.valueOf(text);
        case "$date":
          return Date.from(Instant.parse(text));
        case "$hex":
          return bytes(text);
        default:
          return value;
      }
    }
    if (value instanceof Number && "l".equals(tag)) return ((Number) value).longValue();
    if (value instanceof Number && "d".equals(tag)) return ((Number) value).doubleValue();
    return value;
  }

  /** As equal as objects of their kind are. */
  public static Object comparable(Object value) {
    return value instanceof byte[] ? ByteBuffer.wrap((byte[]) value) : value;
  }
}
