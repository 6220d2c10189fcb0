package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.SessionId;
import baton.tomcat.session.SessionRecord;
import java.io.IOException;
import java.util.HashSet;
import java.util.OptionalLong;
import java.util.Set;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import org.apache.catalina.Session;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;

/**
 * One request's hold on its session, from before the application runs until its answer is complete. Its threads may be
 * several, if it is asynchronous.
 */
final class RequestHold implements HeadGate, AsyncListener {
  private static final String NOTE = "baton.tomcat.hold";

  private final SessionManager manager;
  private final Request request;
  private final Response response;
  private final SessionCookie cookie;
  /** The id that the client sent; null for none. */
  private final String sentId;
  /** Ids of which this request knows that there is no session. */
  private volatile Set<String> absent = Set.of();
  private TomcatSession opened;
  /** What had been written of its session before this request; empty for nothing. */
  private OptionalLong writtenBefore = OptionalLong.empty();
  /** The thread that runs the application for this request now, and what it had been working for. */
  private boolean isEntered;
  private RequestHold before;
  private boolean isListening;
  private boolean isRefused;
  /** Nobody is to see a session: it is a request for a file, or one that is refused. */
  private boolean hidesAll;
  /** It has ended one since its answer was last told of it. */
  private volatile boolean isEndNew;
  /** It has ended a session that was alive. */
  private volatile boolean hasEnded;
  /** Its session had ended before it, or has meanwhile: nothing is to take its place, unless for a login. */
  private volatile boolean isLate;
  /** Its session had ended before it, and no answer is on its way that gives the browser a better id. */
  private boolean mayAskForLogin;
  /** The application has ended this session, and the store does not know it. */
  private volatile TomcatSession unended;

  RequestHold(SessionManager manager, Request request, Response response) {
    this.manager = manager;
    this.request = request;
    this.response = response;
    this.cookie = new SessionCookie(manager, request, response);
    this.sentId = request.getRequestedSessionId();
  }

  /** The hold of a request that is not over; null: none. */
  static RequestHold of(Request request) {
    return (RequestHold) request.getNote(NOTE);
  }

  /** Loads the session, but not for a file. Throws SessionException if the store cannot say. */
  void open() {
    if (sentId != null) {
      if (FileRequests.isOne(request)) hidesAll = true;
      else load();
    }
    request.setNote(NOTE, this);
  }

  private void load() {
    TomcatSession found = manager.acquire(sentId, manager.wantedBy(request));
    isLate = found != null && !found.isStored();
    mayAskForLogin = isLate && !found.record().wasReplacedLately();
    if (found == null || isLate) {
      String id = SessionId.ofCookie(sentId);
      if (id != null) addAbsent(id);
      return;
    }
    opened = found;
    writtenBefore = written(opened);
    // Tomcat takes it from us now, and asks no more, in whatever thread the application does.
    RequestHold outer = manager.enter(this);
    try {
      request.getSessionInternal(false);
    } finally {
      manager.enter(outer);
    }
  }

  /** false: a valve further out has begun it. */
  synchronized boolean begin() {
    if (isEntered) return false;
    isEntered = true;
    before = manager.enter(this);
    return true;
  }

  /** The application has returned: the answer is complete, unless the request goes on asynchronously. */
  void leave() throws IOException {
    try {
      if (request.isAsync()) listen();
      else finish();
    } finally {
      manager.enter(before);
      isEntered = false;
    }
  }

  /** Whether this request is to see no session of this id. */
  boolean hides(String id) {
    return hidesAll || absent.contains(id);
  }

  private synchronized void addAbsent(String id) {
    Set<String> more = new HashSet<>(absent);
    more.add(id);
    absent = more;
  }

  /** The session that the client's id named; null: none. */
  TomcatSession opened() {
    return opened;
  }

  /** Whether it has this id: the client's, or the one that this request has given it. */
  boolean hasOpened(String id) {
    TomcatSession session = opened;
    if (session == null) return false;
    return id.equals(session.record().id()) || id.equals(SessionId.ofCookie(session.getIdInternal()));
  }

  /**
   * The application ends a session. Should the store not take it, the answer will be an error. false: another request has
   * ended it, here or on another node.
   */
  boolean end(TomcatSession session) {
    addAbsent(SessionId.ofCookie(session.getIdInternal()));
    addAbsent(session.record().id());
    unended = session;
    isEndNew = true;
    try {
      return endNow();
    } catch (SessionException later) {
      // Tried once more before the answer.
      return true;
    }
  }

  @Override
  public boolean isHeadGone() {
    return response.isCommitted();
  }

  @Override
  public synchronized boolean hasNews() {
    RequestHold outer = manager.enter(this);
    try {
      TomcatSession session = session();
      return session == null ? isEndNew : session.mayHaveChanged();
    } finally {
      manager.enter(outer);
    }
  }

  @Override
  public long announcedLength() {
    return response.getCoyoteResponse().getContentLengthLong();
  }

  private boolean endNow() {
    TomcatSession session = unended;
    if (session == null) return false;
    boolean wasBegun = session.record().life() != SessionRecord.Life.NEW;
    boolean isOurs = session.destroy();
    if (!isOurs) isLate = true;
    else if (wasBegun) hasEnded = true;
    unended = null;
    return isOurs;
  }

  @Override
  public synchronized void beforeHead() throws IOException {
    RequestHold outer = manager.enter(this);
    try {
      settle();
    } finally {
      manager.enter(outer);
    }
  }

  /** Writes what changed. Afterwards the headers may leave, unless they have left already. */
  private void settle() throws IOException {
    boolean isOpen = !response.isCommitted();
    isEndNew = false;
    if (isRefused) {
      if (isOpen) cookie.drop();
      return;
    }
    TomcatSession session = null;
    try {
      endNow();
      session = session();
      if (session != null) commit(session);
    } catch (SessionException error) {
      if (isOpen) refuse(error);
      else manager.report("What a request has changed after its headers is lost", error);
      return;
    }
    if (isOpen) showCookie(session);
  }

  private void commit(TomcatSession session) {
    if (isLate && session != opened) session.limitToRequest(mayAskForLogin);
    session.commit();
    if (session == opened && !session.isValid()) isLate = true;
  }

  private void showCookie(TomcatSession session) {
    if (session != null && session.isStored()) {
      if (session.getIdInternal().equals(sentId)) cookie.complete();
      else cookie.set(session.getIdInternal());
      OptionalLong written = written(session);
      if (session != opened || !written.equals(writtenBefore)) manager.stamp(written, request, response);
    } else if (hasEnded) {
      cookie.clear();
    } else {
      // Nothing is stored, or it has ended elsewhere: where it was replaced, the browser has, or gets, a better one.
      cookie.drop();
    }
  }

  private static OptionalLong written(TomcatSession session) {
    return session == null ? OptionalLong.empty() : session.record().writtenVersion();
  }

  private TomcatSession session() {
    Session session = request.getSessionInternal(false);
    return session instanceof TomcatSession ? (TomcatSession) session : null;
  }

  /** The error takes the place of the answer, and no cookie goes with it. */
  void refuse(SessionException error) throws IOException {
    isRefused = true;
    manager.figures().refused.increment();
    manager.report("A request was refused", error);
    response.reset();
    if (error.status() == 503) response.setHeader("Retry-After", "1");
    response.sendError(error.status(), error.code().word());
    hidesAll = true;
    isLate = true;
    prepareErrorPage();
  }

  /**
   * An error page is made when this hold is over, and may ask for a session, as JSPs do of their own accord. Where a new one
   * is not to take the place of what the browser has, it gets one of this request only.
   */
  private void prepareErrorPage() {
    if (response.isCommitted() || !ErrorPages.isShownFor(request, response)) return;
    RequestHold outer = manager.enter(this);
    try {
      TomcatSession session = session();
      if (isRefused && session != null) session.refuse();
      if (hidesAll && !isRefused && sentId != null) loadAfterFile();
      if (isLate && session() == null) beginForRequest();
    } finally {
      manager.enter(outer);
    }
  }

  private void beginForRequest() {
    // After sendError, nothing may be done to an answer until its error page is made.
    boolean wasSuspended = response.isSuspended();
    response.setSuspended(false);
    boolean wasCommitted = response.isAppCommitted();
    response.setAppCommitted(false);
    try {
      ((TomcatSession) request.getSessionInternal(true)).limitToRequest(false);
      cookie.drop();
    } finally {
      response.setAppCommitted(wasCommitted);
      response.setSuspended(wasSuspended);
    }
  }

  private void loadAfterFile() {
    try {
      hidesAll = false;
      load();
    } catch (SessionException away) {
      hidesAll = true;
      isLate = true;
    }
  }

  private void listen() {
    if (isListening) return;
    isListening = true;
    request.getAsyncContextInternal().addListener(this);
  }

  private void finish() throws IOException {
    try {
      beforeHead();
      if (!isRefused) prepareErrorPage();
    } finally {
      request.removeNote(NOTE);
      if (opened != null) opened.release();
      opened = null;
    }
  }

  @Override
  public void onComplete(AsyncEvent event) throws IOException {
    finish();
  }

  @Override
  public void onTimeout(AsyncEvent event) {
    // The application's listeners decide what becomes of it; it completes in any case.
  }

  @Override
  public void onError(AsyncEvent event) {
    // As above.
  }

  /** Each start of an asynchronous step forgets the listeners of the step before. */
  @Override
  public void onStartAsync(AsyncEvent event) {
    isListening = false;
  }
}
