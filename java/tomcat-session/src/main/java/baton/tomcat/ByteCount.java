package baton.tomcat;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/** How many bytes characters take in an encoding: never too few, and not too many where it is UTF-8 or has one for each. */
final class ByteCount {
  private static final int VARIES = 0;
  /** Of the encodings of which nothing can be said. */
  private static final int MANY = 8;

  private static final ByteCount UTF_8 = new ByteCount(VARIES);
  private static final ByteCount LATIN_1 = new ByteCount(1);

  private final int bytesPerChar;

  private ByteCount(int bytesPerChar) {
    this.bytesPerChar = bytesPerChar;
  }

  static ByteCount of(String encoding) {
    Charset charset = Charset.forName(encoding);
    if (charset.equals(StandardCharsets.UTF_8)) return UTF_8;
    // Tomcat's own where nobody names one; to make an encoder for each answer would cost more than the rest.
    if (charset.equals(StandardCharsets.ISO_8859_1)) return LATIN_1;
    return new ByteCount(charset.canEncode() ? (int) Math.ceil(charset.newEncoder().maxBytesPerChar()) : MANY);
  }

  long of(char one) {
    if (bytesPerChar != VARIES) return bytesPerChar;
    if (one < 0x80) return 1;
    // Two halves of a character take four bytes together.
    return one < 0x800 || Character.isSurrogate(one) ? 2 : 3;
  }

  long of(char[] chars, int from, int count) {
    long sum = 0;
    for (int at = from; at < from + count; at += 1) sum += of(chars[at]);
    return sum;
  }

  long of(String text, int from, int count) {
    long sum = 0;
    for (int at = from; at < from + count; at += 1) sum += of(text.charAt(at));
    return sum;
  }
}
