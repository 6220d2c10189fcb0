package baton.tomcat;

import java.io.IOException;

/** Told that the headers of an answer may leave with what happens next. */
interface HeadGate {
  void beforeHead() throws IOException;

  /** Whether they have left: not the same as being committed in the eyes of the application. */
  boolean isHeadGone();
}
