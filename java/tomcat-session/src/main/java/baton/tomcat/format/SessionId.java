package baton.tomcat.format;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** Ids of sessions, and the hashes that stand for them in the store and in logs. */
public final class SessionId {
  private static final int SHORTEST = 22;
  private static final int LONGEST = 64;
  private static final int HASH_LENGTH = 22;

  /** One per thread: to find and make one takes longer than to hash an id with it. */
  private static final ThreadLocal<MessageDigest> SHA_256 = ThreadLocal.withInitial(SessionId::sha256);

  /** By character. Ids are looked at for each request, and a pattern, or comparisons, took a part of its time to be seen. */
  private static final boolean[] IS_BASE64URL = new boolean[128];

  static {
    for (char c = 0; c < IS_BASE64URL.length; c += 1) {
      IS_BASE64URL[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
    }
  }

  private SessionId() {}

  /** 192 random bits in base64url. */
  public static String make() {
    return base64url(Randoms.bytes(24));
  }

  /** The id in a cookie's value, without the route that names a node; null for what cannot be an id. */
  public static String ofCookie(String value) {
    int end = 0;
    while (end < value.length() && isBase64url(value.charAt(end))) end += 1;
    if (end < SHORTEST || end > LONGEST) return null;
    if (end == value.length()) return value;
    if (value.charAt(end) != '.') return null;
    for (int at = end; at < value.length(); at += 1) {
      if (value.charAt(at) != '.' && !isBase64url(value.charAt(at))) return null;
    }
    return value.substring(0, end);
  }

  private static boolean isBase64url(char c) {
    return c < IS_BASE64URL.length && IS_BASE64URL[c];
  }

  /** What stands for the id in the store, so that a dump of it shows no usable id. */
  public static String hash(String id) {
    byte[] digest = SHA_256.get().digest(id.getBytes(StandardCharsets.UTF_8));
    return base64url(digest).substring(0, HASH_LENGTH);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      // Every Java platform has it: java.security.MessageDigest.
      throw new IllegalStateException(impossible);
    }
  }

  static String base64url(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
