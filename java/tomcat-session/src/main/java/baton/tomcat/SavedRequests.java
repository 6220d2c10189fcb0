package baton.tomcat;

import baton.tomcat.format.Plain;
import baton.tomcat.format.SessionException;
import baton.tomcat.format.ValueCodec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import jakarta.servlet.http.Cookie;
import org.apache.catalina.authenticator.SavedRequest;
import org.apache.tomcat.util.buf.ByteChunk;

/**
 * The request that FORM authentication keeps, in JSON, which Tomcats of all versions can read of each other. Without the
 * headers that hold credentials: nobody is to find them in the store.
 */
final class SavedRequests {
  private static final Set<String> NEVER_KEPT = Set.of("cookie", "authorization", "proxy-authorization");
  private static final ValueCodec JSON = new ValueCodec(null);

  private SavedRequests() {}

  /** {@code cookieName}: of sessions; cookies whose name begins so are left out, as they hold ids. */
  static byte[] encode(SavedRequest request, String cookieName) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("method", request.getMethod());
    fields.put("uri", request.getRequestURI());
    fields.put("decodedUri", request.getDecodedRequestURI());
    fields.put("query", request.getQueryString());
    fields.put("contentType", request.getContentType());
    fields.put("interval", intervalOf(request));
    fields.put("headers", headersOf(request));
    fields.put("cookies", cookiesOf(request, cookieName));
    fields.put("locales", localesOf(request));
    ByteChunk body = request.getBody();
    if (body != null) fields.put("body", base64(body));
    return JSON.encode("the saved request", fields).payload();
  }

  /** null: it is damaged, and as good as lost. */
  static SavedRequest decode(byte[] bytes) {
    try {
      return decoded((Map<?, ?>) JSON.decode("the saved request", new Plain('j', bytes)));
    } catch (SessionException | ClassCastException | IllegalArgumentException damaged) {
      return null;
    }
  }

  private static SavedRequest decoded(Map<?, ?> fields) {
    SavedRequest request = new SavedRequest();
    request.setMethod((String) fields.get("method"));
    request.setRequestURI((String) fields.get("uri"));
    request.setDecodedRequestURI((String) fields.get("decodedUri"));
    request.setQueryString((String) fields.get("query"));
    request.setContentType((String) fields.get("contentType"));
    Object interval = fields.get("interval");
    if (interval != null) request.setOriginalMaxInactiveInterval((Integer) interval);
    for (List<?> header : pairs(fields.get("headers"))) {
      request.addHeader((String) header.get(0), (String) header.get(1));
    }
    for (List<?> cookie : pairs(fields.get("cookies"))) {
      request.addCookie(new Cookie((String) cookie.get(0), (String) cookie.get(1)));
    }
    for (Object tag : (List<?>) fields.get("locales")) request.addLocale(Locale.forLanguageTag((String) tag));
    Object body = fields.get("body");
    if (body != null) request.setBody(chunk(Base64.getDecoder().decode((String) body)));
    return request;
  }

  /** null: it was not shortened. Older Tomcats cannot tell that from -1, for ever. */
  @SuppressWarnings("deprecation")
  private static Integer intervalOf(SavedRequest request) {
    try {
      return (Integer) SavedRequest.class.getMethod("getOriginalMaxInactiveIntervalOptional").invoke(request);
    } catch (ReflectiveOperationException older) {
      int seconds = request.getOriginalMaxInactiveInterval();
      return seconds == -1 ? null : seconds;
    }
  }

  private static List<List<?>> pairs(Object list) {
    List<List<?>> pairs = new ArrayList<>();
    for (Object pair : (List<?>) list) pairs.add((List<?>) pair);
    return pairs;
  }

  private static List<List<String>> headersOf(SavedRequest request) {
    List<List<String>> headers = new ArrayList<>();
    for (Iterator<String> names = request.getHeaderNames(); names.hasNext(); ) {
      String name = names.next();
      if (NEVER_KEPT.contains(name.toLowerCase(Locale.ROOT))) continue;
      request.getHeaderValues(name).forEachRemaining(value -> headers.add(List.of(name, value)));
    }
    return headers;
  }

  private static List<List<String>> cookiesOf(SavedRequest request, String cookieName) {
    List<List<String>> cookies = new ArrayList<>();
    request.getCookies().forEachRemaining(cookie -> {
      if (!cookie.getName().startsWith(cookieName)) cookies.add(List.of(cookie.getName(), cookie.getValue()));
    });
    return cookies;
  }

  private static List<String> localesOf(SavedRequest request) {
    List<String> locales = new ArrayList<>();
    request.getLocales().forEachRemaining(locale -> locales.add(locale.toLanguageTag()));
    return locales;
  }

  private static String base64(ByteChunk body) {
    byte[] bytes = new byte[body.getLength()];
    System.arraycopy(body.getBytes(), body.getStart(), bytes, 0, bytes.length);
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static ByteChunk chunk(byte[] bytes) {
    ByteChunk chunk = new ByteChunk();
    try {
      chunk.append(bytes, 0, bytes.length);
    } catch (IOException impossible) {
      // Only a chunk with a limit and an output throws.
      throw new UncheckedIOException(impossible);
    }
    return chunk;
  }
}
