package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.SessionId;
import baton.tomcat.session.SessionRecord;
import baton.tomcat.session.Sessions;
import baton.tomcat.store.NearCacheStats;
import baton.tomcat.store.SessionStoreException;
import baton.tomcat.store.Wanted;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.StringJoiner;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Session;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.session.StandardSession;
import org.apache.catalina.util.SessionConfig;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * Keeps the sessions of a web application in Redis, shared with all other nodes, be they Tomcat or Node.js. In a
 * context.xml:
 *
 * <pre>{@code <Manager className="baton.tomcat.SessionManager" store="redis://localhost:6379" namespace="app"/>}</pre>
 *
 * <p>It brings its {@link SessionValve}. This object holds only the sessions that requests of this JVM use at this moment;
 * stopping it, or the node, ends none.
 */
public class SessionManager extends ManagerAttributes {
  /** How much longer than a cached session the stamps last that guard against it. */
  private static final long STAMP_MORE_MS = 5_000;

  private final Log log = LogFactory.getLog(SessionManager.class);
  private final Reports reports = new Reports(log);
  private final Figures figures = new Figures();
  private final SharedSessions inUse = new SharedSessions();
  private final RequestsUnderWay underWay = new RequestsUnderWay();
  private final CurrentRequest current = new CurrentRequest();
  private final SessionValve ownValve = new SessionValve();
  private volatile Sessions open;
  /** null: without a near cache nothing can be older than what a browser has seen. */
  private volatile StampCookie stamp;

  // ---- For the valve

  RequestsUnderWay underWay() {
    return underWay;
  }

  /**
   * The session of an id that a client sent, up to date, and in use until it is released; one that is not stored: it has
   * ended. null: there is none. Throws SessionException if the store cannot say.
   */
  TomcatSession acquire(String sentId, Wanted wanted) {
    String id = SessionId.ofCookie(sentId);
    if (id == null) return null;
    figures.loads.increment();
    for (;;) {
      SharedSession shared = inUse.find(id);
      if (shared != null && !shared.record().refresh(wanted)) inUse.forget(shared);
      if (shared == null || shared.record().life() != SessionRecord.Life.ALIVE) {
        SessionRecord record = open().load(id, wanted);
        if (record == null) return null;
        shared = shared(record, Map.of());
      }
      TomcatSession session = new TomcatSession(this, shared, sentId);
      if (!session.isStored()) return session;
      if (inUse.share(shared, session)) {
        session.use();
        return session;
      }
    }
  }

  /** The request that this thread works for from now on; gives the one before. */
  RequestHold enter(RequestHold hold) {
    return current.enter(hold);
  }

  SharedSession shared(SessionRecord record, Map<String, Object> local) {
    return new SharedSession(record, cookieName(), local);
  }

  /** From now on, other requests with its id may come. */
  void share(SharedSession shared, TomcatSession session) {
    inUse.share(shared, session);
    int size = inUse.size();
    if (size > getMaxActive()) setMaxActive(size);
  }

  /** This request uses it no more. */
  void leave(SharedSession shared, TomcatSession session) {
    inUse.leave(shared, session);
  }

  /** It has ended, or has another id: who comes from now on asks the store. */
  void forget(SharedSession shared) {
    inUse.forget(shared);
  }

  /** Ends it, for all nodes. false: another request has, here or elsewhere. */
  boolean end(TomcatSession session) {
    forget(session.shared());
    RequestHold hold = current.get();
    boolean isOurs = hold == null ? session.destroy() : hold.end(session);
    if (!isOurs) return false;
    expiredSessions.incrementAndGet();
    updateSessionMaxAliveTime((int) ((System.currentTimeMillis() - session.getCreationTimeInternal()) / 1000));
    return true;
  }

  SessionRecord make(String id) {
    return open().make(SessionId.ofCookie(id));
  }

  /** Of the session of a request. */
  Wanted wantedBy(Request request) {
    StampCookie stamps = stamp;
    long least = stamps == null ? 0 : stamps.read(request);
    return least == 0 ? Wanted.NORMAL : Wanted.NORMAL.atLeast(least);
  }

  /** An answer has written this version, and its headers have not left. */
  void stamp(OptionalLong version, Request request, Response response) {
    StampCookie stamps = stamp;
    if (stamps != null) stamps.set(version, request, response);
  }

  /** What was changed after the answer had been sent. */
  void commitLate(TomcatSession session) {
    try {
      session.commit();
    } catch (SessionException error) {
      report("What a request has changed after its answer is lost", error);
    }
  }

  void report(String what, SessionException error) {
    reports.warn(what + ": " + error.code().word() + ": " + error.getMessage(), error);
  }

  void report(String what, RuntimeException error) {
    reports.warn(what + ": " + error, error);
  }

  LoginAttributes loginAttributes() {
    return settings.loginAttributes;
  }

  Figures figures() {
    return figures;
  }

  String cookieName() {
    return SessionConfig.getSessionCookieName(getContext());
  }

  private Sessions open() {
    Sessions sessions = open;
    if (sessions == null) throw new SessionStoreException("the application is not started, or is about to stop");
    return sessions;
  }

  // ---- What Tomcat asks of a manager

  /** Brings the valve, before any other may ask for a session. */
  @Override
  public void setContext(Context context) {
    super.setContext(context);
    if (context != null) context.getPipeline().addValve(ownValve);
  }

  @Override
  protected void startInternal() throws LifecycleException {
    super.startInternal();
    keepOneValve();
    if (getContext().getSessionCookiePath() == null) getContext().setSessionCookiePath(settings.cookiePath);
    // Tomcat's authenticator would send the body of its redirect past us, and the session would not be written yet.
    getContext().setSendRedirectBody(false);
    closeAfterForward();
    ForwardFilter.install(getContext(), current::get);
    open = opened();
    WarmUp.of(open);
    stamp =
        settings.nearCache ? new StampCookie(cookieName(), getSameSite(), settings.nearCacheMaxAgeMs + STAMP_MORE_MS) : null;
    setState(LifecycleState.STARTING);
  }

  /** Of Tomcat 11, which else suspends what it forwarded to, past us: a session that an error page begins would be written late. */
  private void closeAfterForward() {
    try {
      Context.class.getMethod("setSuspendWrappedResponseAfterForward", boolean.class).invoke(getContext(), false);
    } catch (ReflectiveOperationException older) {
      // It knows nothing else.
    }
  }

  private Sessions opened() throws LifecycleException {
    ClassLoader application = getContext().getLoader().getClassLoader();
    return Opening.of(
        settings
            .options(1000L * intervalSeconds())
            .javaValues(
                new WebappValues(
                    application, settings.serialFilter(getSessionAttributeValueClassNameFilter(), this::refused)))
            .onDropped(this::dropped)
            .onError(error -> reports.warn("A step of a session failed: " + error.getMessage(), error)));
  }

  /** Ends no session: other nodes, and this one when it is back, go on with them. */
  @Override
  protected void stopInternal() throws LifecycleException {
    setState(LifecycleState.STOPPING);
    // Their answers say that it is written.
    underWay.awaitNone(settings.commitMs);
    Sessions closing = open;
    open = null;
    inUse.clear();
    if (closing != null) closing.close();
    super.stopInternal();
  }

  /** One that the configuration names goes before the one that we bring. */
  private void keepOneValve() {
    for (Valve valve : getContext().getPipeline().getValves()) {
      if (!(valve instanceof SessionValve) || valve == ownValve) continue;
      getContext().getPipeline().removeValve(ownValve);
      return;
    }
  }

  private void refused(Class<?> type) {
    reports.warn(
        "A session's value names " + type.getName() + ", which serialFilter does not let in; it is not available", null);
  }

  private void dropped(SessionException error) {
    figures.dropped.increment();
    report("A write came after its session had ended", error);
  }

  /** There is nothing to load: sessions are read when they are asked for. */
  @Override
  public void load() {}

  /** Nothing to save either. */
  @Override
  public void unload() {}

  /** Within a request, the one that it has opened; elsewhere a view of its own. */
  @Override
  public Session findSession(String sentId) throws IOException {
    String id = sentId == null ? null : SessionId.ofCookie(sentId);
    if (id == null) return null;
    RequestHold hold = current.get();
    if (hold != null && hold.hides(id)) return null;
    if (hold != null && hold.hasOpened(id)) return hold.opened();
    try {
      SharedSession shared = inUse.find(id);
      if (shared != null) return new TomcatSession(this, shared, sentId);
      figures.loads.increment();
      SessionRecord record = open().load(id, Wanted.NORMAL);
      boolean isThere = record != null && record.life() == SessionRecord.Life.ALIVE;
      return isThere ? new TomcatSession(this, shared(record, Map.of()), sentId) : null;
    } catch (SessionException error) {
      throw new IOException(error.getMessage(), error);
    }
  }

  /** Under a new id, whatever the client asks for: an id that is not found is never adopted. */
  @Override
  public Session createSession(String ignored) {
    Session session = super.createSession(generateSessionId());
    if (settings.maxInactiveInterval != 0) session.setMaxInactiveInterval(settings.maxInactiveInterval);
    return session;
  }

  @Override
  protected StandardSession getNewSession() {
    return new TomcatSession(this);
  }

  @Override
  protected String generateSessionId() {
    String route = getJvmRoute();
    String id = SessionId.make();
    return route == null || route.isEmpty() ? id : id + "." + route;
  }

  /** Others may know it when the store has it. */
  @Override
  public void add(Session session) {}

  /** Nothing to do: one that ends has been {@linkplain #end ended}, for all nodes, before Tomcat says so. */
  @Override
  public void remove(Session session, boolean isEnd) {}

  /** Those that requests use at this moment. */
  @Override
  public int getActiveSessions() {
    return inUse.size();
  }

  @Override
  public Session[] findSessions() {
    return inUse.list().toArray(new Session[0]);
  }

  /** Expires nothing: that is the store's. */
  @Override
  public void processExpires() {}

  /** The first 8 characters of the hashes of those in use here: ids are not for reading. */
  @Override
  public String listSessionIds() {
    StringJoiner list = new StringJoiner(" ");
    for (TomcatSession session : inUse.list()) list.add(session.record().key().substring(0, 8));
    return list.toString();
  }

  private int intervalSeconds() {
    int seconds = settings.maxInactiveInterval;
    if (seconds == 0) seconds = getContext().getSessionTimeout() * 60;
    return seconds > 0 ? seconds : TomcatSession.FOR_EVER;
  }

  @Override
  public String getName() {
    return "SessionManager";
  }

  // ---- Figures, for JMX

  /** Whether the store answers. */
  public boolean isStoreUp() {
    Sessions sessions = open;
    return sessions != null && sessions.health().isUp();
  }

  /** How often a session was asked for. */
  public long getLoads() {
    return figures.loads.sum();
  }

  /** How many requests were refused, as their session could not be had or written. */
  public long getRefused() {
    return figures.refused.sum();
  }

  /** How many writes came after their session had ended. */
  public long getDropped() {
    return figures.dropped.sum();
  }

  /** How many sessions the near cache has given; 0 without one, as all that follows. */
  public long getNearCacheHits() {
    return nearCache().map(NearCacheStats::hits).orElse(0L);
  }

  public long getNearCacheMisses() {
    return nearCache().map(NearCacheStats::misses).orElse(0L);
  }

  /** How many sessions it holds. */
  public int getNearCacheEntries() {
    return nearCache().map(NearCacheStats::entries).orElse(0);
  }

  /** About what they take in memory. */
  public long getNearCacheBytes() {
    return nearCache().map(NearCacheStats::bytes).orElse(0L);
  }

  private Optional<NearCacheStats> nearCache() {
    Sessions sessions = open;
    return sessions == null ? Optional.empty() : sessions.nearCache();
  }

  /** Ends all sessions of a user, on all nodes. Gives how many. */
  public int logOutEverywhere(String user) {
    return open().destroyAllOf(user, null);
  }
}
