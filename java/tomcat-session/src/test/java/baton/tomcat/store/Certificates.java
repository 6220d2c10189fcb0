package baton.tomcat.store;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** An authority of our own, and what it vouches for: a server that is called redis.test, and a client. By openssl. */
final class Certificates implements AutoCloseable {
  private final Path folder;

  Certificates() throws IOException, InterruptedException {
    folder = Files.createTempDirectory("baton-tomcat-tls-");
    Files.writeString(folder.resolve("names"), "subjectAltName=DNS:redis.test\n");
    newKey("ca", "ca.crt", "-x509", "-days", "2");
    for (String name : List.of("server", "client")) {
      newKey(name, name + ".csr");
      List<String> sign = new ArrayList<>(List.of("x509", "-req", "-days", "2", "-in", file(name + ".csr")));
      sign.addAll(List.of("-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-set_serial", "1", "-extfile", file("names")));
      sign.addAll(List.of("-out", file(name + ".crt")));
      openssl(sign);
    }
  }

  String file(String name) {
    return folder.resolve(name).toString();
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
  }

  /** And, as {@code output}, a certificate, or the request for one. */
  private void newKey(String name, String output, String... more) throws IOException, InterruptedException {
    List<String> request = new ArrayList<>(List.of("req", "-nodes", "-newkey", "ec", "-pkeyopt"));
    request.addAll(List.of("ec_paramgen_curve:prime256v1", "-subj", "/CN=" + name));
    request.addAll(List.of("-keyout", file(name + ".key"), "-out", file(output)));
    request.addAll(List.of(more));
    openssl(request);
  }

  private static void openssl(List<String> arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(arguments);
    Process openssl = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(openssl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (openssl.waitFor() != 0) throw new IOException("openssl " + arguments.get(0) + ": " + output);
  }
}
