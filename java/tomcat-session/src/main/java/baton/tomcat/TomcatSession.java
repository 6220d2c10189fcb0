package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.SessionId;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord;
import baton.tomcat.store.Wanted;
import java.io.Serializable;
import java.security.Principal;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.catalina.session.StandardSession;

/**
 * Tomcat's view of a session in the store: one object for all requests of this JVM that use the session at the same time,
 * forgotten when the last of them ends. Its idle clock ends nothing: only the store's does.
 */
final class TomcatSession extends StandardSession {
  private static final long serialVersionUID = 1L;
  /** Added when nobody uses this object any more: whoever comes later needs another. */
  private static final int CLOSED = Integer.MIN_VALUE / 2;
  /** Servlets have sessions that never end, the store has none: this many seconds are 68 years. */
  static final int FOR_EVER = Integer.MAX_VALUE;

  private final transient SessionManager owner;
  private final transient AtomicInteger uses = new AtomicInteger();
  private transient FormNotes formNotes;
  private transient ActiveValues activeValues;
  private transient volatile SessionRecord record;
  /** Somebody has looked at attributes or notes since the last commit, so that something may have changed. */
  private transient volatile boolean isUsed;
  /** Somebody has logged in or out, and the store does not know it. */
  private transient volatile boolean isPrincipalNew;
  /** The principal of the record that {@link #principal} stands for. */
  private transient StoredPrincipal shownPrincipal;

  /** One that begins; {@link #setId} gives it its record. */
  TomcatSession(SessionManager manager) {
    super(manager);
    this.owner = manager;
  }

  /** One that the store has. {@code id}: as the client sent it, with the route, if any. */
  TomcatSession(SessionManager manager, SessionRecord record, String id) {
    super(manager);
    this.owner = manager;
    this.id = id;
    attach(record);
    isValid = true;
    showTimes();
  }

  SessionRecord record() {
    return record;
  }

  // ---- Who uses it

  /** false: it is closed, and must not be used. */
  boolean use() {
    return uses.updateAndGet(count -> count < 0 ? count : count + 1) > 0;
  }

  void release() {
    if (uses.decrementAndGet() == 0) close();
  }

  /** Forgets this object if nobody uses it. */
  void close() {
    if (uses.compareAndSet(0, CLOSED)) owner.forget(this);
  }

  @Override
  public void access() {
    uses.incrementAndGet();
    super.access();
  }

  /** The request is over, and its answer has been sent. */
  @Override
  public void endAccess() {
    super.endAccess();
    if (isUsed && isValid) owner.commitLate(this);
    release();
  }

  // ---- The store

  /** Brings it up to date for another request. false: it has ended meanwhile. */
  boolean refresh(Wanted wanted) {
    if (record.life() == SessionRecord.Life.NEW) return true;
    if (record.refresh(wanted)) {
      showTimes();
      return true;
    }
    endQuietly();
    return false;
  }

  /** Writes what changed: one round trip, or none. Throws SessionException. */
  synchronized void commit() {
    if (!isValid || expiring) return;
    activeValues.passivate();
    isUsed = false;
    StoredPrincipal stored = record.principal().orElse(null);
    StoredPrincipal wanted = isPrincipalNew ? Principals.stored(principal, authType) : stored;
    if (wanted != null && !wanted.equals(stored)) logIn(wanted);
    else commitSame(stored != null && wanted == null);
    isPrincipalNew = false;
    if (record.life() == SessionRecord.Life.DEAD) endQuietly();
  }

  private void logIn(StoredPrincipal wanted) {
    // Who logs in gets a new id, so that one that somebody planted before is worth nothing.
    boolean needsId = record.life() != SessionRecord.Life.NEW && !isRenewed();
    if (needsId) owner.changeSessionId(this, owner.generateSessionId());
    record.login(wanted, SessionId.ofCookie(id));
    shownPrincipal = wanted;
  }

  private void commitSame(boolean isLogout) {
    if (isLogout) {
      record.logout();
      shownPrincipal = null;
    }
    if (isRenewed()) record.renewId(SessionId.ofCookie(id));
    if (owner.getStoreEmptySessions()) record.begin();
    else record.commit();
  }

  /** Whether it was given another id than the store has. */
  private boolean isRenewed() {
    return !record.id().equals(SessionId.ofCookie(id));
  }

  /** Whether its id is worth a cookie. */
  boolean isStored() {
    return isValid && record.life() == SessionRecord.Life.ALIVE;
  }

  /** It has ended elsewhere: no listener is told, as it is for the node that ended it to do so. */
  private void endQuietly() {
    isValid = false;
    owner.forget(this);
  }

  // ---- What Tomcat asks of a session

  @Override
  public void setId(String id, boolean notify) {
    if (record == null) attach(owner.make(id));
    super.setId(id, notify);
  }

  @Override
  public boolean isValid() {
    return isValid || expiring;
  }

  @Override
  public void setMaxInactiveInterval(int interval) {
    super.setMaxInactiveInterval(interval);
    if (record == null) return;
    isUsed = true;
    record.setMaxInactiveMs(1000L * (interval <= 0 ? FOR_EVER : interval));
  }

  @Override
  public Principal getPrincipal() {
    showPrincipal();
    return super.getPrincipal();
  }

  @Override
  public void setPrincipal(Principal principal) {
    isUsed = true;
    isPrincipalNew = true;
    super.setPrincipal(principal);
  }

  @Override
  public String getAuthType() {
    showPrincipal();
    return super.getAuthType();
  }

  @Override
  public void setAuthType(String authType) {
    // Afterwards the principal is set: only then is it known who is logged in.
    showPrincipal();
    super.setAuthType(authType);
  }

  @Override
  public Object getNote(String name) {
    return formNotes.has(name) ? formNotes.get(name, id) : super.getNote(name);
  }

  @Override
  public void setNote(String name, Object value) {
    isUsed = true;
    if (formNotes.has(name)) formNotes.set(name, value);
    else super.setNote(name, value);
  }

  @Override
  public void removeNote(String name) {
    isUsed = true;
    if (formNotes.has(name)) formNotes.set(name, null);
    else super.removeNote(name);
  }

  @Override
  public void setAttribute(String name, Object value, boolean notify) {
    if (value != null && name != null && !isAttributeDistributable(name, value) && !isLocal(name, value)) {
      throw new IllegalArgumentException(
          "session attribute \"" + name + "\": " + value.getClass().getName()
              + " is not serialisable, so that other nodes could not have it");
    }
    super.setAttribute(name, value, notify);
  }

  @Override
  public boolean isAttributeDistributable(String name, Object value) {
    return value instanceof Serializable || value instanceof Map || value instanceof List;
  }

  /** Whether an attribute is kept from other nodes, by Tomcat's own rules and the manager's filters. */
  boolean isLocal(String name, Object value) {
    return exclude(name, value);
  }

  void used() {
    isUsed = true;
  }

  /** Whoever keeps the object when no request uses it any more, as WebSockets do, has each change written at once. */
  void changed() {
    if (uses.get() < 0 && isValid) owner.commitLate(this);
  }

  void listenerFailed(RuntimeException error) {
    owner.report("An attribute that listens to its activation failed", error);
  }

  void unreadable(SessionException error) {
    owner.report("An attribute is not available on this node", error);
  }

  @Override
  public String toString() {
    return "TomcatSession[" + (record == null ? "" : record.key().substring(0, 8)) + "]";
  }

  private void attach(SessionRecord record) {
    int interval = maxInactiveInterval;
    this.record = record;
    this.formNotes = new FormNotes(record, owner.cookieName());
    this.activeValues = new ActiveValues(this);
    this.attributes = new AttributeMap(this, record, activeValues);
    if (record.life() != SessionRecord.Life.NEW) return;
    setMaxInactiveInterval(interval);
    setCreationTime(record.createdAtMs());
  }

  private void showTimes() {
    long seconds = record.maxInactiveMs() / 1000;
    maxInactiveInterval = seconds >= FOR_EVER ? -1 : (int) seconds;
    creationTime = record.createdAtMs();
    lastAccessedTime = Math.max(creationTime, record.lastUsedAtMs());
    thisAccessedTime = lastAccessedTime;
  }

  /** Makes Tomcat's principal of the record's, unless somebody has just logged in or out here. */
  private synchronized void showPrincipal() {
    if (isPrincipalNew || record == null) return;
    StoredPrincipal stored = record.principal().orElse(null);
    if (stored == null ? shownPrincipal == null : stored.equals(shownPrincipal)) return;
    shownPrincipal = stored;
    principal = Principals.shown(stored);
    authType = stored == null ? null : stored.authType();
  }
}
