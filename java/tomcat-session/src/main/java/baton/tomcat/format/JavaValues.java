package baton.tomcat.format;

import java.io.IOException;

/**
 * Java serialisation of attributes, tag {@code J}. Whoever implements it knows the web application's class loader and
 * which classes may be read.
 */
public interface JavaValues {
  /** Throws if the object, or something within it, is not serialisable. */
  byte[] write(Object value) throws IOException;

  /**
   * A fresh object. Throws for a class that is missing, has changed, or is refused: never without an ObjectInputFilter.
   */
  Object read(byte[] bytes) throws IOException, ClassNotFoundException;
}
