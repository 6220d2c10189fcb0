package baton.tomcat.format;

import baton.tomcat.format.EncryptionKeys.Plaintext;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * Values in their envelopes, encrypted one by one with AES-256-GCM (NIST SP 800-38D) if there are keys: tag {@code E}, etag,
 * length of the key's id (1 byte), the id, a nonce (12), the ciphertext of tag and payload, the authentication tag (16). The
 * session's key and the field are authenticated too. Safe for use by many threads.
 */
public final class ValueCipher {
  private static final String ALGORITHM = "AES/GCM/NoPadding";
  private static final int NONCE = 12;
  private static final int AUTH_TAG = 16;

  private final EncryptionKeys keys;

  /** {@code keys}: null for none. */
  public ValueCipher(EncryptionKeys keys) {
    this.keys = keys;
  }

  /** Whether values are bound to the session's key, so that a new id needs them sealed anew. */
  public boolean isEncrypting() {
    return keys != null;
  }

  /** The stored bytes of a value. {@code key}: the hash of the session's id; {@code field}: begins with a dot. */
  public byte[] seal(String key, String field, Plain plain) {
    if (keys == null || keys.plaintext() == Plaintext.WRITE) return Envelope.seal(plain);
    byte[] id = keys.writerId().getBytes(StandardCharsets.ISO_8859_1);
    byte[] nonce = Randoms.bytes(NONCE);
    byte[] text = new byte[1 + plain.payload().length];
    text[0] = (byte) plain.tag();
    System.arraycopy(plain.payload(), 0, text, 1, plain.payload().length);
    byte[] secret = encrypted(keys.writer(), nonce, boundTo(key, field), text);
    int textAt = Envelope.HEAD + 1 + id.length + NONCE;
    byte[] sealed = new byte[textAt + secret.length];
    sealed[0] = 'E';
    Randoms.etag(sealed, 1, Envelope.HEAD);
    sealed[Envelope.HEAD] = (byte) id.length;
    System.arraycopy(id, 0, sealed, Envelope.HEAD + 1, id.length);
    System.arraycopy(nonce, 0, sealed, textAt - NONCE, NONCE);
    System.arraycopy(secret, 0, sealed, textAt, secret.length);
    return sealed;
  }

  /** What was sealed; null: it cannot be read here, and is to be kept as it is. Never throws. */
  public Plain open(String key, String field, byte[] bytes) {
    Plain outer = Envelope.open(bytes);
    if (outer == null || keys == null) return outer;
    if (outer.tag() != 'E') return keys.plaintext() == Plaintext.REFUSE ? null : outer;
    byte[] body = outer.payload();
    if (body.length == 0) return null;
    int idEnd = 1 + (body[0] & 0xff);
    int textAt = idEnd + NONCE;
    // The inner tag is always there.
    if (body.length - AUTH_TAG <= textAt) return null;
    SecretKey reader = keys.key(new String(body, 1, idEnd - 1, StandardCharsets.ISO_8859_1));
    if (reader == null) return null;
    return decrypted(reader, Arrays.copyOfRange(body, idEnd, textAt), boundTo(key, field), body, textAt);
  }

  private static byte[] encrypted(SecretKey key, byte[] nonce, byte[] bound, byte[] text) {
    try {
      return cipher(Cipher.ENCRYPT_MODE, key, nonce, bound).doFinal(text);
    } catch (GeneralSecurityException impossible) {
      // Every Java platform has it: javax.crypto.Cipher.
      throw new IllegalStateException(impossible);
    }
  }

  private static Plain decrypted(SecretKey key, byte[] nonce, byte[] bound, byte[] body, int textAt) {
    try {
      byte[] text = cipher(Cipher.DECRYPT_MODE, key, nonce, bound).doFinal(body, textAt, body.length - textAt);
      return new Plain(text[0], Arrays.copyOfRange(text, 1, text.length));
    } catch (GeneralSecurityException damaged) {
      return null;
    }
  }

  private static Cipher cipher(int mode, SecretKey key, byte[] nonce, byte[] bound) throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance(ALGORITHM);
    cipher.init(mode, key, new GCMParameterSpec(AUTH_TAG * 8, nonce));
    cipher.updateAAD(bound);
    return cipher;
  }

  /** Neither a key nor a tag holds a zero, so two places never read alike. */
  private static byte[] boundTo(String key, String field) {
    return (key + '\0' + field + "\0E").getBytes(StandardCharsets.UTF_8);
  }
}
