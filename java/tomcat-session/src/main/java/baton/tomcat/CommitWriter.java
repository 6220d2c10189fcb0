package baton.tomcat;

import java.io.IOException;
import java.io.PrintWriter;

/** The same for characters. All that prints comes down to these methods. */
final class CommitWriter extends PrintWriter {
  private final PrintWriter inner;
  private final CommitResponse response;
  private final ByteCount bytes;

  CommitWriter(PrintWriter inner, CommitResponse response, String encoding) {
    super(inner);
    this.inner = inner;
    this.response = response;
    this.bytes = ByteCount.of(encoding);
  }

  @Override
  public void write(int c) {
    if (!response.isHeadGone()) pass(bytes.of((char) c));
    inner.write(c);
  }

  @Override
  public void write(char[] chars, int from, int count) {
    if (!response.isHeadGone()) pass(bytes.of(chars, from, count));
    inner.write(chars, from, count);
  }

  @Override
  public void write(String text, int from, int count) {
    if (!response.isHeadGone()) pass(bytes.of(text, from, count));
    inner.write(text, from, count);
  }

  @Override
  public void println() {
    // Tomcat's own ends lines so, on all systems.
    write("\r\n", 0, 2);
  }

  @Override
  public void flush() {
    passFlush();
    inner.flush();
  }

  @Override
  public void close() {
    passFlush();
    inner.close();
  }

  @Override
  public boolean checkError() {
    passFlush();
    return inner.checkError() || super.checkError();
  }

  private void pass(long count) {
    try {
      response.beforeChars(count);
    } catch (IOException error) {
      setError();
    }
  }

  private void passFlush() {
    try {
      response.beforeFlush();
    } catch (IOException error) {
      setError();
    }
  }
}
