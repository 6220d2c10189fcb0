package baton.tomcat.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Folders that tests make. */
final class Folders {
  private Folders() {}

  static void remove(Path folder) throws IOException {
    List<Path> paths;
    try (Stream<Path> found = Files.walk(folder)) {
      paths = found.sorted(Comparator.reverseOrder()).collect(Collectors.toList());
    }
    for (Path path : paths) Files.deleteIfExists(path);
  }
}
