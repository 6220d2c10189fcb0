package baton.tomcat;

import baton.tomcat.format.SessionId;
import baton.tomcat.session.SessionRecord;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.catalina.authenticator.Constants;
import org.apache.catalina.authenticator.SavedRequest;

/**
 * What FORM authentication keeps in a session between the login page and the page that was asked for, so that each of these
 * requests may come to another node: {@code @j.form-request}, the request in JSON, and {@code @j.form-id}, the hash of the
 * id that it is to come back with. Passwords, which Tomcat keeps if its authenticator does not cache principals, stay here.
 */
final class FormNotes {
  private static final String REQUEST = "form-request";
  private static final String ID = "form-id";
  /** Tells that some id is expected, and that it is not this one. */
  private static final String ANOTHER_ID = "";

  private final SessionRecord record;
  private final String cookieName;
  private byte[] decodedFrom;
  private SavedRequest decoded;

  /** {@code cookieName}: of sessions, whose cookie is not to be kept. */
  FormNotes(SessionRecord record, String cookieName) {
    this.record = record;
    this.cookieName = cookieName;
  }

  boolean has(String name) {
    return Constants.FORM_REQUEST_NOTE.equals(name) || Constants.SESSION_ID_NOTE.equals(name);
  }

  /** {@code id}: of the session, as the client has it. */
  Object get(String name, String id) {
    return Constants.SESSION_ID_NOTE.equals(name) ? expectedId(id) : request();
  }

  /** {@code value}: null removes the note. */
  void set(String name, Object value) {
    if (Constants.SESSION_ID_NOTE.equals(name)) {
      record.setNote(ID, value == null ? null : bytes(SessionId.hash(SessionId.ofCookie((String) value))));
      return;
    }
    byte[] bytes = value == null ? null : SavedRequests.encode((SavedRequest) value, cookieName);
    record.setNote(REQUEST, bytes);
    remember(bytes, (SavedRequest) value);
  }

  private String expectedId(String id) {
    byte[] hash = record.note(ID);
    if (hash == null) return null;
    return Arrays.equals(hash, bytes(SessionId.hash(SessionId.ofCookie(id)))) ? id : ANOTHER_ID;
  }

  private synchronized SavedRequest request() {
    byte[] bytes = record.note(REQUEST);
    if (bytes == null) return null;
    if (!Arrays.equals(bytes, decodedFrom)) remember(bytes, SavedRequests.decode(bytes));
    return decoded;
  }

  private synchronized void remember(byte[] bytes, SavedRequest request) {
    decodedFrom = bytes;
    decoded = request;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
