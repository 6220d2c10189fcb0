package baton.tomcat.format;

import static baton.tomcat.format.Fixtures.bytes;
import static baton.tomcat.format.Fixtures.comparable;
import static baton.tomcat.format.Fixtures.hex;
import static baton.tomcat.format.Fixtures.list;
import static baton.tomcat.format.Fixtures.map;
import static baton.tomcat.format.Fixtures.meant;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import baton.tomcat.format.EncryptionKeys.Plaintext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class FixturesTest {
  private final ValueCodec codec = new ValueCodec(null);

  @TestFactory
  Stream<DynamicTest> valuesAreReadAndWritten() {
    return each("values", this::checkValue);
  }

  @TestFactory
  Stream<DynamicTest> recordsMeanWhatTheyMean() {
    return each("records", this::checkRecord);
  }

  @TestFactory
  Stream<DynamicTest> encryptedValuesAreReadOrUnavailable() {
    Map<String, Object> fixture = map(Fixtures.read("encrypted"));
    Map<String, String> keys = new LinkedHashMap<>();
    for (Object key : list(fixture.get("keys"))) keys.put((String) map(key).get("id"), (String) map(key).get("hex"));
    ValueCipher cipher = new ValueCipher(EncryptionKeys.of(keys, Plaintext.READ));
    ValueCipher strict = new ValueCipher(EncryptionKeys.of(keys, Plaintext.REFUSE));
    return list(fixture.get("values")).stream()
        .map(value -> map(value))
        .map(value -> DynamicTest.dynamicTest((String) value.get("name"), () -> checkEncrypted(value, cipher, strict)));
  }

  @TestFactory
  Stream<DynamicTest> idsAreFoundInCookies() {
    return list(Fixtures.read("ids")).stream()
        .map(id -> map(id))
        .map(
            id ->
                DynamicTest.dynamicTest(
                    "cookie " + id.get("cookie"),
                    () -> {
                      String found = SessionId.ofCookie((String) id.get("cookie"));
                      assertEquals(id.get("id"), found);
                      if (found != null) assertEquals(id.get("hash"), SessionId.hash(found));
                    }));
  }

  @TestFactory
  Stream<DynamicTest> usersAreNamedByHashes() {
    return list(Fixtures.read("owners")).stream()
        .map(owner -> map(owner))
        .map(
            owner ->
                DynamicTest.dynamicTest(
                    owner.get("user") + " by " + owner.get("userSecret"),
                    () -> {
                      OwnerHash hash = new OwnerHash((String) owner.get("userSecret"));
                      assertEquals(owner.get("owner"), hash.of((String) owner.get("user")));
                    }));
  }

  private void checkValue(Map<String, Object> fixture) {
    Map<String, Object> meaning = map(fixture.get("meaning"));
    byte[] stored = bytes(fixture.get("hex"));
    Plain plain = new ValueCipher(null).open("h", ".a", stored);
    if (Boolean.TRUE.equals(meaning.get("opaque"))) {
      assertEquals(meaning.get("tag"), plain == null ? "" : String.valueOf(plain.tag()));
      if (plain != null) assertThrows(SessionException.class, () -> codec.decode("a", plain));
      return;
    }
    String tag = (String) meaning.get("tag");
    assertEquals(tag, String.valueOf(plain.tag()));
    assertEquals("Ab3_-9", Envelope.etag(stored));
    Object value = meant(meaning.get("value"), tag);
    assertEquals(comparable(value), comparable(codec.decode("a", plain)));
    if (Boolean.TRUE.equals(fixture.get("readOnly"))) return;
    byte[] written = Envelope.seal(codec.encode("a", value));
    assertNotEquals(Envelope.etag(stored), Envelope.etag(written));
    System.arraycopy(stored, 1, written, 1, 6);
    assertEquals(hex(stored), hex(written));
  }

  private void checkRecord(Map<String, Object> fixture) {
    Map<String, byte[]> fields = Fixtures.fields(fixture.get("fields"));
    Map<String, Object> meaning = map(fixture.get("meaning"));
    long nowMs = ((Number) fixture.get("nowMs")).longValue();
    if (meaning.get("state").equals("refused")) {
      SessionException refused = assertThrows(SessionException.class, () -> RecordMeta.read(fields));
      assertEquals(SessionException.Code.FORMAT, refused.code());
      assertEquals(503, refused.status());
      return;
    }
    RecordMeta meta = RecordMeta.read(fields).at(nowMs);
    assertEquals(meaning.get("state"), meta.state().name().toLowerCase(java.util.Locale.ROOT));
    if (meta.state() != RecordMeta.State.ALIVE) return;
    assertEquals(((Number) meaning.get("createdAtMs")).longValue(), meta.createdAtMs());
    assertEquals(((Number) meaning.get("maxInactiveMs")).longValue(), meta.maxInactiveMs());
    assertEquals(meaning.get("principal"), asInFixtures(meta.principal()));
    TreeSet<Object> names = new TreeSet<>();
    for (String field : fields.keySet()) if (field.startsWith(".")) names.add(field.substring(1));
    // An ordinary name here, and none in JavaScript, which the fixtures speak of.
    names.remove("__proto__");
    assertEquals(new TreeSet<>(list(meaning.get("attributes"))), names);
  }

  private static Object asInFixtures(Optional<StoredPrincipal> who) {
    if (who.isEmpty()) return null;
    StoredPrincipal principal = who.get();
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("name", principal.name());
    object.put("roles", principal.roles());
    if (principal.authType() != null) object.put("authType", principal.authType());
    return object;
  }

  private void checkEncrypted(Map<String, Object> fixture, ValueCipher cipher, ValueCipher strict) {
    Map<String, Object> meaning = map(fixture.get("meaning"));
    String key = (String) fixture.get("key");
    String field = (String) fixture.get("field");
    byte[] stored = bytes(fixture.get("hex"));
    Plain plain = cipher.open(key, field, stored);
    if (Boolean.TRUE.equals(meaning.get("unavailable"))) {
      assertNull(plain);
      return;
    }
    String tag = (String) meaning.get("tag");
    assertEquals(tag, String.valueOf(plain.tag()));
    if (meaning.containsKey("payload")) assertEquals(meaning.get("payload"), hex(plain.payload()));
    else assertEquals(meant(meaning.get("value"), tag), codec.decode("a", plain));
    Plain again = strict.open(key, field, stored);
    if (Boolean.TRUE.equals(meaning.get("refusable"))) assertNull(again);
    else assertEquals(hex(plain.payload()), hex(again.payload()));
    assertEquals(hex(plain.payload()), hex(cipher.open(key, field, cipher.seal(key, field, plain)).payload()));
  }

  private static Stream<DynamicTest> each(String name, java.util.function.Consumer<Map<String, Object>> check) {
    List<Object> fixtures = list(Fixtures.read(name));
    return fixtures.stream()
        .map(fixture -> map(fixture))
        .map(fixture -> DynamicTest.dynamicTest((String) fixture.get("name"), () -> check.accept(fixture)));
  }
}
