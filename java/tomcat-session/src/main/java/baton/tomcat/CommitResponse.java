package baton.tomcat;

import java.io.IOException;
import java.io.PrintWriter;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;

/** The application's way to its answer, which passes the gate before anything that makes the headers leave. */
final class CommitResponse extends HttpServletResponseWrapper {
  /** A character takes at most this many bytes, in all encodings that are in use. */
  private static final int BYTES_PER_CHAR = 4;

  private final HeadGate gate;
  private long buffered;
  private ServletOutputStream stream;
  private PrintWriter writer;

  CommitResponse(HttpServletResponse response, HeadGate gate) {
    super(response);
    this.gate = gate;
  }

  @Override
  public ServletOutputStream getOutputStream() throws IOException {
    ServletOutputStream inner = super.getOutputStream();
    if (stream == null) stream = new CommitStream(inner, this);
    return stream;
  }

  @Override
  public PrintWriter getWriter() throws IOException {
    PrintWriter inner = super.getWriter();
    if (writer == null) writer = new CommitWriter(inner, this);
    return writer;
  }

  @Override
  public void flushBuffer() throws IOException {
    beforeFlush();
    super.flushBuffer();
  }

  @Override
  public void reset() {
    super.reset();
    buffered = 0;
    stream = null;
    writer = null;
  }

  @Override
  public void resetBuffer() {
    super.resetBuffer();
    buffered = 0;
  }

  void beforeFlush() throws IOException {
    if (!gate.isHeadGone()) gate.beforeHead();
  }

  void beforeBytes(long count) throws IOException {
    if (gate.isHeadGone()) return;
    buffered += count;
    // Not each write asks whether something changed: what was counted begins anew.
    if (buffered < getBufferSize()) return;
    buffered = 0;
    gate.beforeHead();
  }

  void beforeChars(int count) throws IOException {
    beforeBytes((long) count * BYTES_PER_CHAR);
  }
}
