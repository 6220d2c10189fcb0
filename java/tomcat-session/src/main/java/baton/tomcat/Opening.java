package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.session.SessionOptions;
import baton.tomcat.session.Sessions;
import org.apache.catalina.LifecycleException;

/** How an application's sessions are opened when it starts. */
final class Opening {
  private Opening() {}

  /** Throws LifecycleException for options that cannot be. */
  static Sessions of(SessionOptions options) throws LifecycleException {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    // Threads of the client must not hold on to an application that is stopped.
    thread.setContextClassLoader(SessionManager.class.getClassLoader());
    try {
      return Sessions.open(options);
    } catch (SessionException error) {
      throw new LifecycleException(error.getMessage(), error);
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}
