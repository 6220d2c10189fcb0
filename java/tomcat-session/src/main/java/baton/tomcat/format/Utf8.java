package baton.tomcat.format;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Text in UTF-8, strictly: what is damaged is no text. */
final class Utf8 {
  private Utf8() {}

  static String text(byte[] bytes) throws CharacterCodingException {
    if (isAscii(bytes)) return new String(bytes, StandardCharsets.ISO_8859_1);
    return StandardCharsets.UTF_8
        .newDecoder()
        .onMalformedInput(CodingErrorAction.REPORT)
        .onUnmappableCharacter(CodingErrorAction.REPORT)
        .decode(ByteBuffer.wrap(bytes))
        .toString();
  }

  private static boolean isAscii(byte[] bytes) {
    for (byte b : bytes) if (b < 0) return false;
    return true;
  }

  /** As JavaScript encodes: half a surrogate pair becomes U+FFFD, where Java would write a question mark. */
  static byte[] bytes(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return isWhole(text) ? bytes : mended(text).getBytes(StandardCharsets.UTF_8);
  }

  static boolean isWhole(String text) {
    for (int at = 0; at < text.length(); at += 1) {
      char c = text.charAt(at);
      if (!Character.isSurrogate(c)) continue;
      if (Character.isLowSurrogate(c)) return false;
      at += 1;
      if (at == text.length() || !Character.isLowSurrogate(text.charAt(at))) return false;
    }
    return true;
  }

  private static String mended(String text) {
    StringBuilder mended = new StringBuilder(text);
    for (int at = 0; at < mended.length(); at += 1) {
      char c = mended.charAt(at);
      if (!Character.isSurrogate(c)) continue;
      boolean pairs =
          Character.isHighSurrogate(c)
              && at + 1 < mended.length()
              && Character.isLowSurrogate(mended.charAt(at + 1));
      if (pairs) at += 1;
      else mended.setCharAt(at, '\uFFFD');
    }
    return mended.toString();
  }
}
