package baton.tomcat;

import jakarta.servlet.http.Cookie;
import java.util.OptionalLong;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.core.ApplicationSessionCookieConfig;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.http.MimeHeaders;
import org.apache.tomcat.util.http.ServerCookie;
import org.apache.tomcat.util.http.ServerCookies;

/**
 * Reads and writes what a browser saw committed last, so that no near cache serves it anything older. Four cookies that take
 * turns, as answers may overtake one another on their way: the largest version counts.
 */
final class StampCookie {
  private static final int SLOTS = 4;
  private static final int MOST_DIGITS = 15;
  private static final String HEADER = "Set-Cookie";

  private final String prefix;
  private final String sameSite;
  private final long maxAgeSeconds;

  /** {@code name}: of the session's cookie. {@code maxAgeMs}: longer than what they guard against. */
  StampCookie(String name, String sameSite, long maxAgeMs) {
    this.prefix = name + "_v";
    this.sameSite = sameSite;
    this.maxAgeSeconds = (maxAgeMs + 999) / 1000;
  }

  /** The least version that this browser may be served; 0: any. */
  long read(Request request) {
    ServerCookies cookies = request.getServerCookies();
    long latest = 0;
    boolean[] isSeen = new boolean[SLOTS];
    for (int at = 0; at < cookies.getCookieCount(); at += 1) {
      // As the bytes that came: text would be made for each request.
      ServerCookie cookie = cookies.getCookie(at);
      int slot = slotOf(cookie.getName().getByteChunk());
      // Of several values of one name the first counts.
      if (slot < 0 || isSeen[slot]) continue;
      isSeen[slot] = true;
      latest = Math.max(latest, versionOf(cookie.getValue().getByteChunk()));
    }
    return latest;
  }

  /** The answer has written this version. */
  void set(OptionalLong version, Request request, Response response) {
    if (version.isEmpty()) return;
    String name = prefix + version.getAsLong() % SLOTS;
    MimeHeaders headers = response.getCoyoteResponse().getMimeHeaders();
    for (int at = headers.size() - 1; at >= 0; at -= 1) {
      boolean isSame =
          headers.getName(at).toString().equalsIgnoreCase(HEADER) && headers.getValue(at).toString().startsWith(name + "=");
      if (isSame) headers.removeHeader(at);
    }
    headers.addValue(HEADER).setString(line(name, version.getAsLong(), request));
  }

  private String line(String name, long version, Request request) {
    // Where the session's own cookie goes, so does this.
    Cookie model = ApplicationSessionCookieConfig.createSessionCookie(request.getContext(), "0", request.isSecure());
    StringBuilder line = new StringBuilder(name).append('=').append(version).append("; Max-Age=").append(maxAgeSeconds);
    if (model.getDomain() != null) line.append("; Domain=").append(model.getDomain());
    if (model.getPath() != null) line.append("; Path=").append(model.getPath());
    line.append("; HttpOnly");
    if (!sameSite.isEmpty()) line.append("; SameSite=").append(sameSite);
    if (model.getSecure()) line.append("; Secure");
    return line.toString();
  }

  /** 0 for what is none. */
  private static long versionOf(ByteChunk value) {
    if (value.getLength() > MOST_DIGITS) return 0;
    long version = 0;
    for (int at = value.getStart(); at < value.getEnd(); at += 1) {
      int digit = value.getBuffer()[at] - '0';
      if (digit < 0 || digit > 9) return 0;
      version = version * 10 + digit;
    }
    return version;
  }

  private int slotOf(ByteChunk name) {
    if (name.getLength() != prefix.length() + 1 || !name.startsWith(prefix, 0)) return -1;
    int slot = name.getBuffer()[name.getEnd() - 1] - '0';
    return slot >= 0 && slot < SLOTS ? slot : -1;
  }
}
