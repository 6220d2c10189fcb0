package baton.tomcat.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionIdTest {
  private static final String ID = "Az09_-AAAAAAAAAAAAAAAA";

  @Test
  void anIdIsTakenFromACookieWithoutTheRouteOfANode() {
    String made = SessionId.make();
    assertEquals(made, SessionId.ofCookie(made));
    assertEquals(ID, SessionId.ofCookie(ID));
    assertEquals(ID, SessionId.ofCookie(ID + ".node-1"));
    assertEquals(ID, SessionId.ofCookie(ID + ".a.b_c"));
    assertEquals(ID, SessionId.ofCookie(ID + "."));
    assertEquals("A".repeat(64), SessionId.ofCookie("A".repeat(64)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "A", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA.AA", ".AAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAA ", "AAAAAAAAAAAAAAAAAAAAAA/", "AAAAAAAAAAAAAAAAAAAAAA.a/b", "AAAAAAAAAAAAAAAAAAAAAA\n",
    "AAAAAAAAAAAAAAAAAAAAA\u00e9", "AAAAAAAAAAAAAAAAAAAAAA.\u00e9", "AAAAAAAAAAAAAAAAAAAAA:{}"})
  void whatCannotBeAnIdIsNone(String value) {
    assertNull(SessionId.ofCookie(value));
  }

  @Test
  void whatIsTooLongIsNone() {
    assertNull(SessionId.ofCookie("A".repeat(65)));
    assertNull(SessionId.ofCookie("A".repeat(65) + ".node"));
  }
}
