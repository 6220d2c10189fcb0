package baton.tomcat.format;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

/** Java serialisation as Tomcat's side has it, for tests: only classes of Java and of these tests are read. */
public final class PlainJavaValues implements JavaValues {
  private static final ObjectInputFilter FILTER =
      ObjectInputFilter.Config.createFilter("maxdepth=600;java.**;baton.tomcat.**;!*");

  @Override
  public byte[] write(Object value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream stream = new ObjectOutputStream(bytes)) {
      stream.writeObject(value);
    }
    return bytes.toByteArray();
  }

  @Override
  public Object read(byte[] bytes) throws IOException, ClassNotFoundException {
    try (ObjectInputStream stream = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
      stream.setObjectInputFilter(FILTER);
      return stream.readObject();
    }
  }
}
