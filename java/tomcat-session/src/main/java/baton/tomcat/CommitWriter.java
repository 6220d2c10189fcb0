package baton.tomcat;

import java.io.IOException;
import java.io.PrintWriter;

/** The same for characters. All that prints comes down to these methods. */
final class CommitWriter extends PrintWriter {
  private final PrintWriter inner;
  private final CommitResponse response;

  CommitWriter(PrintWriter inner, CommitResponse response) {
    super(inner);
    this.inner = inner;
    this.response = response;
  }

  @Override
  public void write(int c) {
    pass(1);
    inner.write(c);
  }

  @Override
  public void write(char[] chars, int from, int count) {
    pass(count);
    inner.write(chars, from, count);
  }

  @Override
  public void write(String text, int from, int count) {
    pass(count);
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

  private void pass(int count) {
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
