package baton.tomcat.store;

import baton.tomcat.format.Envelope;
import baton.tomcat.format.RecordMeta;
import baton.tomcat.format.SessionId;
import baton.tomcat.format.ValueCodec;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/** Records for tests, as stores take them. */
final class Records {
  private static final ValueCodec CODEC = new ValueCodec(null);

  private Records() {}

  static String newKey() {
    return SessionId.hash(SessionId.make());
  }

  static byte[] sealed(Object value) {
    return Envelope.seal(CODEC.encode("a", value));
  }

  /** Alternately names of attributes and their bytes. */
  static Map<String, byte[]> record(Object... attributes) {
    Map<String, byte[]> fields = RecordMeta.begin(System.currentTimeMillis(), 1_800_000, 0);
    for (int at = 0; at < attributes.length; at += 2) fields.put("." + attributes[at], (byte[]) attributes[at + 1]);
    return fields;
  }

  static Change set(String field, byte[] value) {
    return new Change(Map.of(field, value), Set.of());
  }

  static Rotation rotation(String from, String to, String owner) {
    return new Rotation(from, to, Change.NONE, true, owner, OptionalLong.empty());
  }

  static RecordMeta.State state(SessionStore store, String key) {
    Stored stored = store.load(key);
    return stored == null ? RecordMeta.State.ABSENT : stored.meta().state();
  }

  static String text(byte[] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** In an order and a form that can be compared. */
  static Map<String, String> plain(Map<String, byte[]> fields) {
    Map<String, String> plain = new TreeMap<>();
    fields.forEach((field, value) -> plain.put(field, text(value)));
    return plain;
  }
}
