package baton.tomcat.format;

/** Two digits a byte. */
final class Hex {
  private Hex() {}

  static byte[] bytes(String text) {
    byte[] bytes = new byte[text.length() / 2];
    for (int at = 0; at < bytes.length; at += 1) {
      bytes[at] = (byte) Integer.parseInt(text.substring(2 * at, 2 * at + 2), 16);
    }
    return bytes;
  }
}
