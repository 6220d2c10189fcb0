package baton.tomcat.format;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Ids of sessions, and the hashes that stand for them in the store and in logs. */
public final class SessionId {
  private static final Pattern FORMAT = Pattern.compile("([0-9A-Za-z_-]{22,64})(?:\\.[A-Za-z0-9_.-]*)?");
  private static final int HASH_LENGTH = 22;

  private SessionId() {}

  /** 192 random bits in base64url. */
  public static String make() {
    return base64url(Randoms.bytes(24));
  }

  /** The id in a cookie's value, without the route that names a node; null for what cannot be an id. */
  public static String ofCookie(String value) {
    Matcher matcher = FORMAT.matcher(value);
    return matcher.matches() ? matcher.group(1) : null;
  }

  /** What stands for the id in the store, so that a dump of it shows no usable id. */
  public static String hash(String id) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(id.getBytes(StandardCharsets.UTF_8));
      return base64url(digest).substring(0, HASH_LENGTH);
    } catch (NoSuchAlgorithmException impossible) {
      // Every Java platform has it: java.security.MessageDigest.
      throw new IllegalStateException(impossible);
    }
  }

  static String base64url(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
