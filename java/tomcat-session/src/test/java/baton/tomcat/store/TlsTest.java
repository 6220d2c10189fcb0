package baton.tomcat.store;

import static baton.tomcat.store.Records.newKey;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A real server that speaks TLS, and wants to know who its clients are. */
class TlsTest {
  /** A busy machine takes long for the first handshake. */
  private static final Timeouts HANDSHAKE = new Timeouts(10_000, 500, 500);
  private static final Timeouts PATIENT = new Timeouts(20_000, 20_000, 20_000);

  private static Certificates certificates;
  private static RedisProcess redis;
  private static int port;

  @BeforeAll
  static void start() throws Exception {
    certificates = new Certificates();
    port = RedisProcess.freePort();
    redis =
        RedisProcess.start(
            "--tls-port", Integer.toString(port),
            "--tls-cert-file", certificates.file("server.crt"),
            "--tls-key-file", certificates.file("server.key"),
            "--tls-ca-cert-file", certificates.file("ca.crt"));
    try (RawRedis raw = redis.raw()) {
      raw.ask("ACL", "SETUSER", "shop", "on", ">p@ss", "~test:*", "&*", "+@all");
    }
  }

  @AfterAll
  static void stop() throws IOException {
    if (redis != null) redis.close();
    if (certificates != null) certificates.close();
  }

  private static String url(String login, String parameters) {
    return "rediss://" + login + "127.0.0.1:" + port + "/1?" + parameters;
  }

  private static String ca() {
    return "ca=" + certificates.file("ca.crt");
  }

  private static String client() {
    return "&cert=" + certificates.file("client.crt") + "&key=" + certificates.file("client.key");
  }

  /** What is said of an outage that stays, once its reason is known. */
  private static String refusal(String parameters, String reason) throws Exception {
    String[] message = {""};
    try (SessionStore store = RedisStore.open(url("", parameters), "test", HANDSHAKE)) {
      CachingNode.until(() -> !store.health().isStarting());
      CachingNode.until(
          () -> {
            message[0] = assertThrows(SessionStoreException.class, () -> store.load(newKey())).getMessage();
            return message[0].contains(reason);
          });
    } catch (AssertionError otherwise) {
      throw new AssertionError(message[0], otherwise);
    }
    return message[0];
  }

  @Test
  void anAuthorityOfOurOwnAClientCertificateAndTheNameThatTheServersIsFor() throws Exception {
    String parameters = ca() + client() + "&servername=redis.test";
    for (String login : new String[] {"", "shop:p%40ss@"}) {
      try (SessionStore store = RedisStore.open(url(login, parameters), "test", PATIENT);
          NearCache near = NearCache.open(url(login, parameters), "test", PATIENT, NearCacheLimits.DEFAULT)) {
        String key = newKey();
        assertTrue(store.create(key, record("a", sealed(1)), 60_000, "ann"));
        assertNotNull(near.load(key));
        assertEquals(OptionalLong.of(2), store.commit(key, set(".b", sealed(2)), 60_000));
        CachingNode.until(() -> near.load(key).fields().containsKey(".b"));
      }
    }
  }

  @Test
  void aCertificateThatNobodyVouchesForIsRefused() throws Exception {
    refusal("servername=redis.test", "the server's certificate is not accepted: unable to find valid certification path");
  }

  @Test
  void aCertificateForAnotherNameIsRefused() throws Exception {
    refusal(ca() + client() + "&servername=other.test", "the server's certificate is not accepted: No subject alternative");
  }

  @Test
  void whoHasNoCertificateIsRefusedByTheServer() throws Exception {
    refusal(ca() + "&servername=redis.test", "ertificate");
  }
}
