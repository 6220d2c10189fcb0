package baton.tomcat.node;

import jakarta.servlet.http.HttpServlet;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.tools.ToolProvider;

/** A WAR with classes of its own, compiled when it is made. */
public final class War {
  private final Map<String, byte[]> entries = new LinkedHashMap<>();

  /** {@code path}: of the entry in the WAR. */
  public War with(String path, String text) {
    entries.put(path, text.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  /** {@code sources}: by name of the class, all of one package. */
  public War withClasses(String packageName, Map<String, String> sources) throws IOException {
    Path folder = Files.createTempDirectory("baton-tomcat-war-");
    try {
      List<String> args = new ArrayList<>(List.of("-d", folder.toString(), "-cp", servletApi()));
      for (Map.Entry<String, String> source : sources.entrySet()) {
        Path file = folder.resolve(source.getKey() + ".java");
        Files.writeString(file, "package " + packageName + ";\n" + source.getValue());
        args.add(file.toString());
      }
      ByteArrayOutputStream errors = new ByteArrayOutputStream();
      if (ToolProvider.getSystemJavaCompiler().run(null, null, errors, args.toArray(new String[0])) != 0) {
        throw new IllegalArgumentException(errors.toString(StandardCharsets.UTF_8));
      }
      for (Path file : classesIn(folder)) {
        entries.put("WEB-INF/classes/" + folder.relativize(file), Files.readAllBytes(file));
      }
    } finally {
      Folders.remove(folder);
    }
    return this;
  }

  byte[] bytes() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JarOutputStream jar = new JarOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        jar.putNextEntry(new ZipEntry(entry.getKey()));
        jar.write(entry.getValue());
        jar.closeEntry();
      }
    }
    return bytes.toByteArray();
  }

  private static List<Path> classesIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".class")).collect(Collectors.toList());
    }
  }

  private static String servletApi() {
    try {
      return Path.of(HttpServlet.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    } catch (URISyntaxException error) {
      throw new IllegalStateException(error);
    }
  }
}
