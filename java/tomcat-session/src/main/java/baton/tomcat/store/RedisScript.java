package baton.tomcat.store;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * A Lua script, sent by its SHA-1, and whole only where the server does not know it yet. Only where several steps must be one
 * and MULTI cannot decide: everything else goes without. Each says in its file what it takes and gives.
 */
enum RedisScript {
  CREATE("create"),
  CREATE_OWNED("clock", "owners", "create-owned"),
  UPDATE("alive", "update"),
  ROTATE("alive", "clock", "owners", "rotate"),
  REPLACE("replace"),
  RETIRE("alive", "retire"),
  ENLIST("clock", "owners", "enlist"),
  EPOCH("clock", "owners", "epoch"),
  RAISE("clock", "owners", "raise"),
  KILL("alive", "kill"),
  LOCK("alive", "clock", "lock"),
  UNLOCK("unlock"),
  COMMIT_LOCKED("alive", "clock", "commit-locked");

  private final byte[] lua;
  private final byte[] sha1;

  RedisScript(String... files) {
    StringBuilder text = new StringBuilder();
    for (String file : files) text.append(read(file + ".lua"));
    lua = text.toString().getBytes(StandardCharsets.UTF_8);
    sha1 = sha1Of(lua);
  }

  byte[] lua() {
    return lua;
  }

  /** In hex. */
  byte[] sha1() {
    return sha1;
  }

  private static String read(String file) {
    try (InputStream stream = RedisScript.class.getResourceAsStream(file)) {
      if (stream == null) throw new IllegalStateException(file + " is not in the jar");
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException cause) {
      throw new IllegalStateException(file + " cannot be read", cause);
    }
  }

  private static byte[] sha1Of(byte[] bytes) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-1").digest(bytes);
      return String.format("%040x", new BigInteger(1, digest)).getBytes(StandardCharsets.ISO_8859_1);
    } catch (NoSuchAlgorithmException impossible) {
      // Every Java platform has it: java.security.MessageDigest.
      throw new IllegalStateException(impossible);
    }
  }
}
