package baton.tomcat.node;

/** What a browser can speak to. */
@FunctionalInterface
public interface Site {
  /** {@code path}: begins with a slash. */
  String url(String path);
}
