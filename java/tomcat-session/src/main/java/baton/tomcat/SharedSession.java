package baton.tomcat;

import baton.tomcat.session.SessionRecord;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What all requests of one id in this JVM have in common: the record and the objects in it. Each request has a {@link
 * TomcatSession} of its own over it. When one of them logs in, or gets a new id, it goes on with another shared session, and
 * this one stays with the others, ended: who has the old id is to have no part in what a login has begun, though they may
 * be under way in the same JVM. So the objects that applications synchronize on are not one, but values are.
 */
final class SharedSession {
  private final SessionRecord record;
  private final FormNotes formNotes;
  private final ActiveValues active = new ActiveValues();
  /** Attributes that are for this node only. */
  private final Map<String, Object> local;
  /** Names of attributes of which it has been reported that they cannot be read. */
  private final Set<String> reported = new HashSet<>(0);
  /** Few: a set would ask the JVM for an identity hash of each request's view, which costs more than looking at all. */
  private final List<TomcatSession> users = new ArrayList<>(1);
  private boolean isForgotten;

  /** {@code cookieName}: of sessions. {@code local}: what it has of attributes that other nodes do not get. */
  SharedSession(SessionRecord record, String cookieName, Map<String, Object> local) {
    this.record = record;
    this.formNotes = new FormNotes(record, cookieName);
    this.local = new ConcurrentHashMap<>();
    // Hardly ever: putAll makes room for many, though there be none.
    if (!local.isEmpty()) this.local.putAll(local);
  }

  SessionRecord record() {
    return record;
  }

  FormNotes formNotes() {
    return formNotes;
  }

  ActiveValues active() {
    return active;
  }

  Map<String, Object> local() {
    return local;
  }

  /** Whether this is the first time that somebody says so. */
  synchronized boolean isNews(String unreadableName) {
    return reported.add(unreadableName);
  }

  /** false: the last of its users has gone, and whoever comes later needs another. */
  synchronized boolean use(TomcatSession session) {
    if (!isForgotten && !users.contains(session)) users.add(session);
    return !isForgotten;
  }

  synchronized boolean isUsedBy(TomcatSession session) {
    return users.contains(session);
  }

  /** One of its users; null: there is none. */
  synchronized TomcatSession anyUser() {
    return users.isEmpty() ? null : users.get(0);
  }

  /** Gives whether it was the last. */
  synchronized boolean release(TomcatSession session) {
    if (users.remove(session) && users.isEmpty()) isForgotten = true;
    return isForgotten;
  }
}
