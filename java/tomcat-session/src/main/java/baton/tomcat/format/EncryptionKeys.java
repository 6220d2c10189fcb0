package baton.tomcat.format;

import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** Keys of AES-256-GCM by their ids. The first writes, all read. No message ever names a key or an id. */
public final class EncryptionKeys {
  /** What becomes of values that are not encrypted, in the order in which an application begins to encrypt. */
  public enum Plaintext {
    /** Still written so, while nodes without the keys serve as well. */
    WRITE,
    /** Read, and encrypted when written. */
    READ,
    /** Unavailable, so that who can write to the store cannot plant any. */
    REFUSE;

    /** {@code write}, {@code read} or {@code refuse}. Throws {@link SessionException} {@code OPTIONS}. */
    public static Plaintext of(String word) {
      for (Plaintext plaintext : values()) if (plaintext.name().toLowerCase(Locale.ROOT).equals(word)) return plaintext;
      throw wrong("plaintext: write \"write\", \"read\" or \"refuse\"");
    }
  }

  private static final Pattern ID = Pattern.compile("[A-Za-z0-9_.-]{1,32}");
  private static final String REMEDY = "make one with `openssl rand -base64 32`";

  private final Map<String, SecretKey> byId;
  private final String writerId;
  private final Plaintext plaintext;

  private EncryptionKeys(Map<String, SecretKey> byId, String writerId, Plaintext plaintext) {
    this.byId = byId;
    this.writerId = writerId;
    this.plaintext = plaintext;
  }

  /**
   * {@code keys}: ids (1 to 32 of {@code A-Za-z0-9_.-}) to 32 bytes in hex or base64, newest first. {@code
   * plaintext}: what becomes of values that are not encrypted. Throws {@link SessionException} {@code OPTIONS}.
   */
  public static EncryptionKeys of(Map<String, String> keys, Plaintext plaintext) {
    Map<String, SecretKey> byId = new LinkedHashMap<>();
    keys.forEach((id, key) -> {
      if (!ID.matcher(id).matches()) throw wrong("the id of an encryption key is 1 to 32 of A-Z a-z 0-9 _ . -");
      byId.put(id, new SecretKeySpec(bytesOf(key), "AES"));
    });
    if (byId.isEmpty()) throw wrong("there is no encryption key: write id:key, newest first");
    return new EncryptionKeys(byId, byId.keySet().iterator().next(), plaintext);
  }

  String writerId() {
    return writerId;
  }

  SecretKey writer() {
    return byId.get(writerId);
  }

  /** null: not known. */
  SecretKey key(String id) {
    return byId.get(id);
  }

  Plaintext plaintext() {
    return plaintext;
  }

  private static byte[] bytesOf(String text) {
    if (text.matches("[0-9a-fA-F]{64}")) return Hex.bytes(text);
    if (text.matches("[A-Za-z0-9+/_-]{43}=?")) {
      return Base64.getUrlDecoder().decode(text.replace('+', '-').replace('/', '_'));
    }
    throw wrong(
        "an encryption key of "
            + text.length()
            + " characters is not 32 bytes in hex (64) or base64 (43 or 44): "
            + REMEDY);
  }

  private static SessionException wrong(String message) {
    return new SessionException(SessionException.Code.OPTIONS, message);
  }
}
