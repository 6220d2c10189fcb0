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
 * Tomcat's view of a session in the store, and one request's: a new id is the new one of this request alone, whose references
 * go on with it, while other requests of the same JVM stay with the old id, which has ended then. What they have in common is
 * in {@link SharedSession}. Its idle clock ends nothing: only the store's does.
 */
final class TomcatSession extends StandardSession {
  private static final long serialVersionUID = 1L;
  /** Added when nobody uses this object any more. */
  private static final int CLOSED = Integer.MIN_VALUE / 2;
  /** Servlets have sessions that never end, the store has none: this many seconds are 68 years. */
  static final int FOR_EVER = Integer.MAX_VALUE;

  private final transient SessionManager owner;
  private final transient AtomicInteger uses = new AtomicInteger();
  private transient volatile SharedSession shared;
  /** Somebody has looked at attributes or notes since the last commit, so that something may have changed. */
  private transient volatile boolean isUsed;
  /** The client's session had ended before this one was made. */
  private transient volatile boolean isForRequest;
  /** Somebody logs in, or is about to by FORM. */
  private transient volatile boolean isForLogin;
  /** Somebody is asked to log in, and cannot without what this session keeps for it. */
  private transient volatile boolean isForLoginPage;
  /** Whether that is reason enough to store a session that is for one request otherwise. */
  private transient volatile boolean mayAskForLogin;
  /** Its request is refused: what it has changed, or its error page does, is not written. */
  private transient volatile boolean isRefused;
  /** Somebody has logged in or out, and the store does not know it. */
  private transient volatile boolean isPrincipalNew;
  /** The principal of the record that {@link #principal} stands for. */
  private transient StoredPrincipal shownPrincipal;

  /** One that begins; {@link #setId} gives it its record. */
  TomcatSession(SessionManager manager) {
    super(manager);
    this.owner = manager;
    this.attributes = new AttributeMap(this);
  }

  /** One that the store has. {@code id}: as the client sent it, with the route, if any. */
  TomcatSession(SessionManager manager, SharedSession shared, String id) {
    this(manager);
    this.id = id;
    this.shared = shared;
    isValid = true;
    showTimes();
  }

  SharedSession shared() {
    return shared;
  }

  SessionRecord record() {
    return shared.record();
  }

  // ---- Who uses it

  void use() {
    uses.incrementAndGet();
  }

  void release() {
    if (uses.decrementAndGet() == 0 && uses.compareAndSet(0, CLOSED)) owner.leave(shared, this);
  }

  @Override
  public void access() {
    use();
    super.access();
  }

  /** The request is over, and its answer has been sent. */
  @Override
  public void endAccess() {
    super.endAccess();
    if (isUsed && isValid) owner.commitLate(this);
    release();
  }

  /**
   * The client came by an id that has ended, so that another answer may have given it a better one: this session lives in
   * this request only, is not stored, and has no cookie, unless somebody logs in, or, where nothing speaks against it, is asked
   * to.
   */
  void limitToRequest(boolean unlessForLoginPage) {
    isForRequest = true;
    mayAskForLogin = unlessForLoginPage;
  }

  /** Its request is answered with an error instead: nothing more is written of it. */
  void refuse() {
    isRefused = true;
  }

  // ---- The store

  /** Writes what changed: one round trip, or none. Throws SessionException. */
  synchronized void commit() {
    if (!isValid || expiring || isRefused) return;
    isUsed = false;
    if (isForRequest && !isForLogin && !(isForLoginPage && mayAskForLogin)) {
      record().drop();
      return;
    }
    shared.active().passivate(this);
    StoredPrincipal stored = record().principal().orElse(null);
    StoredPrincipal wanted = isPrincipalNew ? Principals.stored(principal, authType) : stored;
    if (wanted != null && !wanted.equals(stored)) logIn(stored, wanted);
    else commitSame(stored != null && wanted == null);
    isPrincipalNew = false;
    if (record().life() == SessionRecord.Life.DEAD) endQuietly();
    else if (isStored() && uses.get() > 0 && !shared.isUsedBy(this)) owner.share(shared, this);
  }

  private void logIn(StoredPrincipal before, StoredPrincipal wanted) {
    // Who logs in gets a new id, so that one that somebody planted before is worth nothing.
    boolean needsId = record().life() != SessionRecord.Life.NEW && !isRenewed();
    if (needsId) owner.changeSessionId(this, owner.generateSessionId());
    boolean takesAlong = before == null || before.name().equals(wanted.name());
    goOn(record().loginApart(wanted, SessionId.ofCookie(id)), takesAlong);
    shownPrincipal = wanted;
  }

  private void commitSame(boolean isLogout) {
    if (isLogout) {
      record().logout();
      shownPrincipal = null;
    }
    if (isRenewed()) goOn(record().renewIdApart(SessionId.ofCookie(id)), true);
    if (owner.getStoreEmptySessions()) record().begin();
    else record().commit();
  }

  /** With the record of the new id, alone until others come with it. */
  private void goOn(SessionRecord next, boolean takesAlong) {
    SharedSession before = shared;
    if (next == before.record()) return;
    shared = owner.shared(next, takesAlong ? before.local() : Map.of());
    owner.leave(before, this);
    owner.forget(before);
  }

  /** Ends it in the store, where it may never have been. false: it has ended before. */
  boolean destroy() {
    boolean wasBegun = record().life() != SessionRecord.Life.NEW;
    return record().destroy() || !wasBegun;
  }

  /** Whether something was set or removed since the last commit, or attributes were looked at. */
  boolean mayHaveChanged() {
    return isUsed || isRenewed();
  }

  /** Whether it was given another id than the store has. */
  private boolean isRenewed() {
    String stored = record().id();
    return !stored.equals(id) && !stored.equals(SessionId.ofCookie(id));
  }

  /** Whether its id is worth a cookie. */
  boolean isStored() {
    return isValid && record().life() == SessionRecord.Life.ALIVE;
  }

  /** It has ended elsewhere: no listener is told, as it is for the node that ended it to do so. */
  private void endQuietly() {
    isValid = false;
    owner.forget(shared);
  }

  // ---- What Tomcat asks of a session

  @Override
  public void setId(String id, boolean notify) {
    if (shared == null) begin(id);
    // The application, or Tomcat for it, changes an id when somebody logs in.
    else isForLogin = true;
    super.setId(id, notify);
  }

  @Override
  public boolean isValid() {
    return isValid || expiring;
  }

  /** Listeners are told, and values unbound, by the request that ends it: of several, on whatever nodes, one does. */
  @Override
  public synchronized void expire(boolean notify) {
    if (!isValid || expiring) return;
    boolean isOurs = owner.end(this);
    super.expire(notify && isOurs);
  }

  @Override
  public void setMaxInactiveInterval(int interval) {
    super.setMaxInactiveInterval(interval);
    if (shared == null) return;
    isUsed = true;
    record().setMaxInactiveMs(1000L * (interval <= 0 ? FOR_EVER : interval));
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
    if (principal != null) isForLogin = true;
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
    return shared.formNotes().has(name) ? shared.formNotes().get(name, id) : super.getNote(name);
  }

  @Override
  public void setNote(String name, Object value) {
    isUsed = true;
    if (!shared.formNotes().has(name)) {
      super.setNote(name, value);
      return;
    }
    // The page that was asked for has to be there after the login.
    isForLogin = true;
    shared.formNotes().set(name, value);
  }

  @Override
  public void removeNote(String name) {
    isUsed = true;
    if (shared.formNotes().has(name)) shared.formNotes().set(name, null);
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
    if (value == null) return;
    if (owner.loginAttributes().areOfUsers(name)) isForLogin = true;
    if (owner.loginAttributes().areOfLoginPages(name)) isForLoginPage = true;
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
    return "TomcatSession[" + (shared == null ? "" : record().key().substring(0, 8)) + "]";
  }

  private void begin(String id) {
    int interval = maxInactiveInterval;
    shared = owner.shared(owner.make(id), Map.of());
    setMaxInactiveInterval(interval);
    setCreationTime(record().createdAtMs());
  }

  private void showTimes() {
    long seconds = record().maxInactiveMs() / 1000;
    maxInactiveInterval = seconds >= FOR_EVER ? -1 : (int) seconds;
    creationTime = record().createdAtMs();
    lastAccessedTime = Math.max(creationTime, record().lastUsedAtMs());
    thisAccessedTime = lastAccessedTime;
  }

  /** Makes Tomcat's principal of the record's, unless somebody has just logged in or out here. */
  private synchronized void showPrincipal() {
    if (isPrincipalNew || shared == null) return;
    StoredPrincipal stored = record().principal().orElse(null);
    if (stored == null ? shownPrincipal == null : stored.equals(shownPrincipal)) return;
    shownPrincipal = stored;
    principal = Principals.shown(stored);
    authType = stored == null ? null : stored.authType();
  }
}
