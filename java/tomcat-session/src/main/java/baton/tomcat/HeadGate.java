package baton.tomcat;

import java.io.IOException;

/** Told that the headers of an answer may leave with what happens next. */
interface HeadGate {
  void beforeHead() throws IOException;

  /** Whether something was set, removed or ended since then. Not whether an object was changed in place: that takes time. */
  boolean hasNews();

  /** Whether they have left: not the same as being committed in the eyes of the application. */
  boolean isHeadGone();

  /** What Content-Length says; -1: nothing, so far. */
  long announcedLength();
}
