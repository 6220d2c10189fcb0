package baton.tomcat;

import java.util.Locale;
import jakarta.servlet.SessionTrackingMode;
import jakarta.servlet.http.Cookie;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.core.ApplicationSessionCookieConfig;
import org.apache.tomcat.util.http.MimeHeaders;

/** The session's cookie in an answer whose headers have not left yet. Tomcat has put it there before we know better. */
final class SessionCookie {
  private static final String HEADER = "Set-Cookie";

  private final SessionManager manager;
  private final Request request;
  private final Response response;

  SessionCookie(SessionManager manager, Request request, Response response) {
    this.manager = manager;
    this.request = request;
    this.response = response;
  }

  void set(String id) {
    if (!isTracked()) return;
    response.addSessionCookieInternal(cookie(id));
    complete();
  }

  /** The browser is to forget it. */
  void clear() {
    if (!isTracked()) return;
    Cookie gone = cookie("");
    gone.setMaxAge(0);
    response.addSessionCookieInternal(gone);
    complete();
  }

  /** The browser keeps what it has. */
  void drop() {
    MimeHeaders headers = headers();
    for (int at = find(headers); at != -1; at = find(headers)) headers.removeHeader(at);
  }

  /** Tomcat writes no SameSite of its own accord. */
  void complete() {
    String sameSite = manager.getSameSite();
    MimeHeaders headers = headers();
    int at = find(headers);
    if (at == -1 || sameSite.isEmpty()) return;
    String value = headers.getValue(at).toString();
    if (!value.toLowerCase(Locale.ROOT).contains("samesite=")) {
      headers.getValue(at).setString(value + "; SameSite=" + sameSite);
    }
  }

  private Cookie cookie(String id) {
    return ApplicationSessionCookieConfig.createSessionCookie(request.getContext(), id, request.isSecure());
  }

  private boolean isTracked() {
    Context context = request.getContext();
    return context.getServletContext().getEffectiveSessionTrackingModes().contains(SessionTrackingMode.COOKIE);
  }

  private int find(MimeHeaders headers) {
    int at = headers.findHeader(HEADER, 0);
    if (at == -1) return -1;
    String prefix = manager.cookieName() + "=";
    while (at != -1 && !headers.getValue(at).toString().startsWith(prefix)) at = headers.findHeader(HEADER, at + 1);
    return at;
  }

  private MimeHeaders headers() {
    return response.getCoyoteResponse().getMimeHeaders();
  }
}
