package baton.tomcat.store;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A connection of its own, to look behind the store: RESP2, one command at a time. */
public final class RawRedis implements AutoCloseable {
  private final Socket socket;
  private final DataInputStream input;

  public RawRedis(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setSoTimeout(10_000);
    input = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
  }

  /** Arguments are String, Number or byte[]; gives byte[], Long, null, or a list of those. Throws for an error. */
  public Object ask(Object... arguments) {
    try {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      bytes.write(ascii("*" + arguments.length + "\r\n"));
      for (Object argument : arguments) {
        byte[] value = argument instanceof byte[] ? (byte[]) argument : argument.toString().getBytes(StandardCharsets.UTF_8);
        bytes.write(ascii("$" + value.length + "\r\n"));
        bytes.write(value);
        bytes.write(ascii("\r\n"));
      }
      socket.getOutputStream().write(bytes.toByteArray());
      return reply();
    } catch (IOException cause) {
      throw new UncheckedIOException(cause);
    }
  }

  public List<?> askList(Object... arguments) {
    return (List<?>) ask(arguments);
  }

  public String askText(Object... arguments) {
    Object reply = ask(arguments);
    return reply instanceof byte[] ? new String((byte[]) reply, StandardCharsets.UTF_8) : String.valueOf(reply);
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException cause) {
      throw new UncheckedIOException(cause);
    }
  }

  private Object reply() throws IOException {
    String line = line();
    String rest = line.substring(1);
    switch (line.charAt(0)) {
      case '+':
        return ascii(rest);
      case ':':
        return Long.valueOf(rest);
      case '$':
        return bulk(Integer.parseInt(rest));
      case '*':
        List<Object> items = new ArrayList<>();
        for (int at = 0; at < Integer.parseInt(rest); at += 1) items.add(reply());
        return items;
      default:
        throw new IOException(line);
    }
  }

  private byte[] bulk(int length) throws IOException {
    if (length < 0) return null;
    byte[] bytes = new byte[length];
    input.readFully(bytes);
    input.skipBytes(2);
    return bytes;
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = input.readUnsignedByte(); c != '\r'; c = input.readUnsignedByte()) line.append((char) c);
    input.skipBytes(1);
    return line.toString();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
