package baton.tomcat.format;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Stored values: a tag (1 byte), an etag (6 characters of base64url, fresh at each write), a payload. */
public final class Envelope {
  /** Tag and etag. */
  static final int HEAD = 7;

  private Envelope() {}

  /** The stored bytes, under a fresh etag. */
  public static byte[] seal(Plain plain) {
    byte[] payload = plain.payload();
    byte[] bytes = new byte[HEAD + payload.length];
    bytes[0] = (byte) plain.tag();
    Randoms.etag(bytes, 1, HEAD);
    System.arraycopy(payload, 0, bytes, HEAD, payload.length);
    return bytes;
  }

  /** null: too short to be a value. */
  public static Plain open(byte[] bytes) {
    return bytes.length < HEAD ? null : new Plain(bytes[0], Arrays.copyOfRange(bytes, HEAD, bytes.length));
  }

  /** By which a conditional write recognises the value; "" for one that is absent (null). */
  public static String etag(byte[] bytes) {
    if (bytes == null || bytes.length < 2) return "";
    return new String(bytes, 1, Math.min(HEAD, bytes.length) - 1, StandardCharsets.ISO_8859_1);
  }
}
