package baton.tomcat;

import baton.tomcat.format.JavaValues;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InvalidClassException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;

/** Java serialisation with the classes of one web application, behind a filter. */
final class WebappValues implements JavaValues {
  private final ClassLoader application;
  private final ObjectInputFilter filter;

  WebappValues(ClassLoader application, ObjectInputFilter filter) {
    this.application = application;
    this.filter = filter;
  }

  @Override
  public byte[] write(Object value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(value);
    }
    return bytes.toByteArray();
  }

  @Override
  public Object read(byte[] bytes) throws IOException, ClassNotFoundException {
    try (ObjectInputStream in = new WebappInput(new ByteArrayInputStream(bytes))) {
      in.setObjectInputFilter(filter);
      return in.readObject();
    }
  }

  private final class WebappInput extends ObjectInputStream {
    WebappInput(InputStream in) throws IOException {
      super(in);
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass type) throws IOException, ClassNotFoundException {
      try {
        return Class.forName(type.getName(), false, application);
      } catch (ClassNotFoundException notTheApplications) {
        // Primitives are known by name here only.
        return super.resolveClass(type);
      }
    }

    /** Proxies call whatever handler the bytes name: no session needs them. */
    @Override
    protected Class<?> resolveProxyClass(String[] interfaces) throws IOException {
      throw new InvalidClassException("a dynamic proxy in a session's value is refused");
    }
  }
}
