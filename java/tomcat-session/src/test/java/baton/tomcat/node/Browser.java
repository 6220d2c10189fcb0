package baton.tomcat.node;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** A browser that keeps cookies, whichever node it speaks to, and follows no redirect by itself. */
public final class Browser {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();

  private final Map<String, String> cookies = new ConcurrentHashMap<>();
  private volatile String authorization;

  public HttpResponse<String> get(Site node, String path) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(URI.create(node.url(path))));
  }

  public HttpResponse<String> head(Site node, String path) throws IOException, InterruptedException {
    return send(
        HttpRequest.newBuilder(URI.create(node.url(path))).method("HEAD", HttpRequest.BodyPublishers.noBody()));
  }

  public HttpResponse<String> post(Site node, String path, String form) throws IOException, InterruptedException {
    return send(
        HttpRequest.newBuilder(URI.create(node.url(path)))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form)));
  }

  /** The body of a page that answers 200. */
  public String read(Site node, String path) throws IOException, InterruptedException {
    HttpResponse<String> response = get(node, path);
    if (response.statusCode() != 200) throw new AssertionError(path + ": " + response.statusCode() + " " + response.body());
    return response.body();
  }

  /** The session's cookie; null for none. */
  public String session() {
    return cookies.get("JSESSIONID");
  }

  public void session(String id) {
    cookies.put("JSESSIONID", id);
  }

  /** Sends a name and a password with each request from now on, as after a dialogue of BASIC authentication. */
  public void credentials(String user, String password) {
    byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
    authorization = "Basic " + Base64.getEncoder().encodeToString(pair);
  }

  /** Sends none any more. */
  public void forgetCredentials() {
    authorization = null;
  }

  /** Whether a Set-Cookie tells a browser to forget: Tomcat 11 does so by the date only. */
  public static boolean isForgotten(String cookie) {
    return cookie.contains("; Expires=Thu, 01 Jan 1970 ");
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
    request.timeout(Duration.ofSeconds(20));
    String header = cookies.entrySet().stream().map(Object::toString).collect(Collectors.joining("; "));
    if (!header.isEmpty()) request.header("Cookie", header);
    if (authorization != null) request.header("Authorization", authorization);
    HttpResponse<String> response = CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
    for (String cookie : response.headers().allValues("Set-Cookie")) keep(cookie);
    return response;
  }

  private void keep(String cookie) {
    String pair = cookie.split(";", 2)[0];
    String name = pair.substring(0, pair.indexOf('='));
    if (isForgotten(cookie)) cookies.remove(name);
    else cookies.put(name, pair.substring(name.length() + 1));
  }
}
