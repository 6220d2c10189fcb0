package shop;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;

/**
 * Orders, one line of JSON each. A line is one write to a file opened for appending, so several nodes can share the file, and
 * what was answered with 201 survives a kill -9.
 */
final class OrderFile {
  private FileChannel file;

  /** {@code user}: null for nobody. */
  void add(String id, String user) throws IOException {
    String line =
        "{\"id\":" + Json.quote(id) + ",\"user\":" + Json.quote(user) + ",\"node\":" + Json.quote(Here.NODE)
            + ",\"release\":" + Json.quote(Here.RELEASE) + ",\"at\":" + Json.quote(Instant.now().toString()) + "}\n";
    open().write(ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
  }

  private synchronized FileChannel open() throws IOException {
    if (file == null) {
      Path path = path().toAbsolutePath();
      Files.createDirectories(path.getParent());
      file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
    return file;
  }

  private static Path path() {
    String named = System.getenv("SHOP_ORDERS");
    if (named != null) return Path.of(named);
    String shared = System.getenv("BATON_SHARED");
    return Path.of(shared == null ? "." : shared, "orders.log");
  }

  synchronized void close() {
    try {
      if (file != null) file.close();
    } catch (IOException ignored) {
      // Every order is in it already.
    }
  }
}
