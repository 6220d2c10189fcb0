package baton.tomcat.format;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** What stands for a user in the store, so that a dump of it names nobody: HMAC-SHA-256 (RFC 2104) of the name. */
public final class OwnerHash {
  private static final int HASH_LENGTH = 22;

  private final SecretKeySpec key;

  public OwnerHash(String secret) {
    key = new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256");
  }

  public String of(String user) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(key);
      byte[] digest = mac.doFinal(user.getBytes(StandardCharsets.UTF_8));
      return SessionId.base64url(digest).substring(0, HASH_LENGTH);
    } catch (GeneralSecurityException impossible) {
      // Every Java platform has it: javax.crypto.Mac.
      throw new IllegalStateException(impossible);
    }
  }
}
