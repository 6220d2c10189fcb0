package baton.tomcat.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionException;
import baton.tomcat.store.RedisUrl.Topology;
import java.util.List;
import org.junit.jupiter.api.Test;

class RedisUrlTest {
  @Test
  void saysWhereAndWho() {
    RedisUrl url = RedisUrl.parse("rediss://shop:p%40ss+w%2Ford@[::1]:6380/3?servername=redis.test");
    assertTrue(url.isTls());
    assertEquals(Topology.SINGLE, url.topology());
    assertEquals(List.of(new RedisAddress("::1", 6380)), url.addresses());
    assertEquals(3, url.database());
    assertEquals("shop", url.login().username());
    assertEquals("p@ss+w/ord", url.login().password());
    assertEquals("redis.test", url.serverName());
  }

  @Test
  void hasDefaults() {
    RedisUrl url = RedisUrl.parse("redis://");
    assertFalse(url.isTls());
    assertEquals("[localhost:6379]", url.addresses().toString());
    assertEquals(0, url.database());
    assertEquals("", url.login().password());
    assertEquals(2, RedisUrl.parse("redis://h?db=2").database());
  }

  @Test
  void namesSentinelsAndTheirMaster() {
    RedisUrl url =
        RedisUrl.parse("redis+sentinel://shop:p@a,b:26380/main%20one/2?sentinelUsername=s&sentinelPassword=%2F");
    assertEquals(Topology.SENTINEL, url.topology());
    assertEquals("[a:26379, b:26380]", url.addresses().toString());
    assertEquals("main one", url.masterName());
    assertEquals(2, url.database());
    assertEquals("s/", url.sentinelLogin().username() + url.sentinelLogin().password());
    assertEquals("", RedisUrl.parse("redis+sentinel://a/m").sentinelLogin().password());
  }

  @Test
  void namesServersOfACluster() {
    RedisUrl url = RedisUrl.parse("rediss+cluster://shop:p@a:1,[::1]:2,c");
    assertEquals(Topology.CLUSTER, url.topology());
    assertTrue(url.isTls());
    assertEquals("[a:1, ::1:2, c:6379]", url.addresses().toString());
  }

  @Test
  void saysWhatToDoInsteadOfASocketOrOfAnotherStore() {
    for (String url : List.of("unix:///run/redis.sock", "redis+unix:///run/redis.sock?db=1")) {
      assertTrue(refusal(url).contains("127.0.0.1"), refusal(url));
    }
    assertTrue(refusal("lmdb:/var/lib/sessions").contains("\"lmdb\""), refusal("lmdb:/var/lib/sessions"));
    assertTrue(refusal("redis+sentinel://a").contains("<master>"), refusal("redis+sentinel://a"));
    assertTrue(refusal("redis+cluster://a/1").contains("database 0"), refusal("redis+cluster://a/1"));
  }

  @Test
  void isRefusedWithoutShowingWhatMayBeAPassword() {
    List<String> wrong =
        List.of(
            "memcached://u:secret@host",
            "redis://u:secret@host:port",
            "redis://u:secret@host:0",
            "redis://u:secret@host/x",
            "redis://u:secret@host?timeout=3",
            "redis://u:secret@host,other",
            "redis://u:secret%zz@host",
            "redis+sentinel://u:secret@host",
            "redis+cluster://u:secret@host/2",
            "unix:///secret");
    for (String url : wrong) {
      SessionException refused = assertThrows(SessionException.class, () -> RedisUrl.parse(url));
      assertEquals(SessionException.Code.OPTIONS, refused.code());
      assertFalse(refused.getMessage().contains("secret"), refused.getMessage());
    }
  }

  private static String refusal(String url) {
    return assertThrows(SessionException.class, () -> RedisUrl.parse(url)).getMessage();
  }
}
