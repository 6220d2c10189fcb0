package baton.tomcat.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.SessionException;
import java.util.List;
import org.junit.jupiter.api.Test;

class RedisUrlTest {
  @Test
  void saysWhereAndWho() {
    RedisUrl url = RedisUrl.parse("rediss://shop:p%40ss+w%2Ford@[::1]:6380/3");
    assertTrue(url.isTls());
    assertEquals("::1", url.host());
    assertEquals(6380, url.port());
    assertEquals(3, url.database());
    assertEquals("shop", url.username());
    assertEquals("p@ss+w/ord", url.password());
  }

  @Test
  void hasDefaults() {
    RedisUrl url = RedisUrl.parse("redis://");
    assertFalse(url.isTls());
    assertEquals("localhost:6379/0", url.host() + ":" + url.port() + "/" + url.database());
    assertEquals("", url.password());
    assertEquals(2, RedisUrl.parse("redis://h?db=2").database());
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
            "redis+cluster://u:secret@host",
            "unix:///secret");
    for (String url : wrong) {
      SessionException refused = assertThrows(SessionException.class, () -> RedisUrl.parse(url));
      assertEquals(SessionException.Code.OPTIONS, refused.code());
      assertFalse(refused.getMessage().contains("secret"), refused.getMessage());
    }
  }
}
