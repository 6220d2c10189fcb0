package baton.tomcat;

import java.io.IOException;
import java.io.PrintWriter;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;

/** The application's way to its answer, which passes the gate before anything that makes the headers leave. */
final class CommitResponse extends HttpServletResponseWrapper {
  /** Tomcat sends its buffer when there is no room left in it for the second half of a character. */
  private static final int ROOM = 4;

  /** Bytes of characters after which it is asked anew whether objects were changed in place. */
  private static final int STEP = 2048;

  private final HeadGate gate;
  /** Bytes that wait in Tomcat's buffer, or a little more: nothing has left before the headers do. */
  private long waiting;
  private long sinceAsked = STEP;
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
    if (writer == null) writer = new CommitWriter(inner, this, getCharacterEncoding());
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
    forget();
    stream = null;
    writer = null;
  }

  @Override
  public void resetBuffer() {
    super.resetBuffer();
    forget();
  }

  void beforeFlush() throws IOException {
    if (!gate.isHeadGone()) gate.beforeHead();
  }

  boolean isHeadGone() {
    return gate.isHeadGone();
  }

  /** Asks whether something changed only if the headers may leave with these bytes: that is not for nothing. */
  void beforeBytes(long count) throws IOException {
    if (gate.isHeadGone()) return;
    waiting += count;
    if (isFull() || isWhole()) gate.beforeHead();
  }

  /**
   * Characters wait in a buffer of their own before, so that headers may stay for many more writes after the first with which
   * they could leave.
   */
  void beforeChars(long count) throws IOException {
    if (gate.isHeadGone()) return;
    waiting += count;
    sinceAsked += count;
    if (!(isFull() && (sinceAsked >= STEP || gate.hasNews())) && !isWhole()) return;
    sinceAsked = 0;
    gate.beforeHead();
  }

  private void forget() {
    waiting = 0;
    sinceAsked = STEP;
  }

  private boolean isFull() {
    return waiting > getBufferSize() - ROOM;
  }

  /** Tomcat 11 closes an answer, and sends it, with the last byte that Content-Length announces. */
  private boolean isWhole() {
    long announced = gate.announcedLength();
    return announced >= 0 && waiting >= announced;
  }
}
