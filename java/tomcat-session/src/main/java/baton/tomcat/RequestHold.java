package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.SessionId;
import java.io.IOException;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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
  private final Set<String> absent = ConcurrentHashMap.newKeySet();
  private TomcatSession opened;
  /** What had been written of its session before this request; empty for nothing. */
  private OptionalLong writtenBefore = OptionalLong.empty();
  /** The thread that runs the application for this request now, and what it had been working for. */
  private boolean isEntered;
  private RequestHold before;
  private boolean isListening;
  private boolean isRefused;
  /** Nobody is to see a session until this request is over, and an error page is shown perhaps. */
  private boolean isForFile;
  /** It has ended a session that was alive. */
  private volatile boolean hasEnded;
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
      if (FileRequests.isOne(request)) isForFile = true;
      else load();
    }
    request.setNote(NOTE, this);
  }

  private void load() {
    opened = manager.acquire(sentId, manager.wantedBy(request));
    writtenBefore = written(opened);
    String id = SessionId.ofCookie(sentId);
    if (opened == null && id != null) absent.add(id);
    // Tomcat takes it from us now, and asks no more, in whatever thread the application does.
    if (opened != null) request.getSessionInternal(false);
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
    return isForFile || absent.contains(id);
  }

  /** The application ends a session. Should the store not take it, the answer will be an error. */
  void end(TomcatSession session) {
    absent.add(SessionId.ofCookie(session.getIdInternal()));
    absent.add(session.record().id());
    unended = session;
    try {
      endNow();
    } catch (SessionException later) {
      // Tried once more before the answer.
    }
  }

  @Override
  public boolean isHeadGone() {
    return response.isCommitted();
  }

  private void endNow() {
    TomcatSession session = unended;
    if (session == null) return;
    if (session.record().destroy()) hasEnded = true;
    unended = null;
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
    if (isRefused) {
      if (isOpen) cookie.drop();
      return;
    }
    TomcatSession session = null;
    try {
      endNow();
      session = session();
      if (session != null) session.commit();
    } catch (SessionException error) {
      if (isOpen) refuse(error);
      else manager.report("What a request has changed after its headers is lost", error);
      return;
    }
    if (isOpen) showCookie(session);
  }

  private void showCookie(TomcatSession session) {
    if (session != null && session.isStored()) {
      if (session.getIdInternal().equals(sentId)) cookie.complete();
      else cookie.set(session.getIdInternal());
      OptionalLong written = written(session);
      if (session != opened || !written.equals(writtenBefore)) manager.stamp(written, request, response);
    } else if (hasEnded) {
      cookie.clear();
    } else if (session != null || opened != null) {
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
  }

  private void listen() {
    if (isListening) return;
    isListening = true;
    request.getAsyncContextInternal().addListener(this);
  }

  private void finish() throws IOException {
    try {
      beforeHead();
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
