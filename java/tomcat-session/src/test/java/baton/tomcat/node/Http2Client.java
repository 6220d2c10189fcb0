package baton.tomcat.node;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Asks once by HTTP/2 over plain TCP (RFC 9113), and tells which frames have come, and not only what they mean. */
public final class Http2Client implements AutoCloseable {
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int SETTINGS = 4;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final int FRAME_HEAD = 9;

  private final Socket socket;
  private final DataInputStream in;
  private int answers;
  private boolean isAtEnd;
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();

  public Http2Client(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    in = new DataInputStream(socket.getInputStream());
    socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    send(SETTINGS, 0, 0, new byte[0]);
  }

  public void get(String path, String cookie) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    // HPACK (RFC 7541): names are of its static table, values are literal and not indexed.
    head.write(0x82);
    head.write(0x86);
    literal(head, path, 0x04);
    literal(head, "a", 0x01);
    literal(head, cookie, 0x0f, 0x11);
    send(HEADERS, END_STREAM | END_HEADERS, 1, head.toByteArray());
  }

  /** Of all that has arrived. */
  public int answersThatCame() throws IOException {
    while (in.available() >= FRAME_HEAD) take();
    return answers;
  }

  public String body() throws IOException {
    while (!isAtEnd) take();
    return body.toString(StandardCharsets.UTF_8);
  }

  private static void literal(ByteArrayOutputStream head, String value, int... name) throws IOException {
    for (int one : name) head.write(one);
    head.write(value.length());
    head.write(value.getBytes(StandardCharsets.US_ASCII));
  }

  private void send(int type, int flags, int stream, byte[] payload) throws IOException {
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    frame.write(new byte[] {0, (byte) (payload.length >> 8), (byte) payload.length, (byte) type, (byte) flags});
    frame.write(new byte[] {0, 0, 0, (byte) stream});
    frame.write(payload);
    socket.getOutputStream().write(frame.toByteArray());
  }

  private void take() throws IOException {
    byte[] head = in.readNBytes(FRAME_HEAD);
    if (head.length < FRAME_HEAD) throw new IOException("the connection ended");
    byte[] payload = in.readNBytes((head[0] & 0xff) << 16 | (head[1] & 0xff) << 8 | head[2] & 0xff);
    int type = head[3];
    if (type == HEADERS) answers += 1;
    if (type == DATA) body.write(payload);
    if ((type == HEADERS || type == DATA) && (head[4] & END_STREAM) != 0) isAtEnd = true;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
