package baton.tomcat;

import java.io.IOException;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;

/** An answer's stream that passes the gate before its buffer can overflow. */
final class CommitStream extends ServletOutputStream {
  private final ServletOutputStream inner;
  private final CommitResponse response;

  CommitStream(ServletOutputStream inner, CommitResponse response) {
    this.inner = inner;
    this.response = response;
  }

  @Override
  public void write(int b) throws IOException {
    response.beforeBytes(1);
    inner.write(b);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    response.beforeBytes(count);
    inner.write(bytes, from, count);
  }

  @Override
  public void flush() throws IOException {
    response.beforeFlush();
    inner.flush();
  }

  @Override
  public void close() throws IOException {
    response.beforeFlush();
    inner.close();
  }

  @Override
  public boolean isReady() {
    return inner.isReady();
  }

  @Override
  public void setWriteListener(WriteListener listener) {
    inner.setWriteListener(listener);
  }
}
