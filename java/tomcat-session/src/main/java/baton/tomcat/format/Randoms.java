package baton.tomcat.format;

import java.security.SecureRandom;

/** Random bytes for ids, etags and nonces. */
final class Randoms {
  private static final byte[] BASE64URL =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
          .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
  private static final SecureRandom SOURCE = new SecureRandom();

  private Randoms() {}

  static byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    SOURCE.nextBytes(bytes);
    return bytes;
  }

  /** Writes an etag: characters of base64url. */
  static void etag(byte[] into, int from, int to) {
    byte[] random = bytes(to - from);
    for (int at = from; at < to; at += 1) into[at] = BASE64URL[random[at - from] & 63];
  }
}
