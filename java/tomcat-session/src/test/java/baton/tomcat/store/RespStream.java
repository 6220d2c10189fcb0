package baton.tomcat.store;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/** Cuts a stream of RESP2 or RESP3 into whole messages. */
final class RespStream {
  private final InputStream input;
  private ByteArrayOutputStream message;

  RespStream(InputStream input) {
    this.input = input;
  }

  /** The next message, as it is; throws EOFException at the end. */
  byte[] next() throws IOException {
    message = new ByteArrayOutputStream();
    readOne();
    return message.toByteArray();
  }

  /** Whether more is there already. */
  boolean isReady() throws IOException {
    return input.available() > 0;
  }

  private void readOne() throws IOException {
    String line = line();
    char type = line.charAt(0);
    if ("$=!*~>%".indexOf(type) < 0) return;
    int length = Integer.parseInt(line.substring(1));
    if (length < 0) return;
    if ("$=!".indexOf(type) >= 0) {
      byte[] bytes = input.readNBytes(length + 2);
      if (bytes.length < length + 2) throw new EOFException();
      message.write(bytes);
      return;
    }
    for (int left = type == '%' ? 2 * length : length; left > 0; left -= 1) readOne();
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      int next = input.read();
      if (next < 0) throw new EOFException();
      message.write(next);
      if (next == '\n') return line.toString();
      if (next != '\r') line.append((char) next);
    }
  }
}
