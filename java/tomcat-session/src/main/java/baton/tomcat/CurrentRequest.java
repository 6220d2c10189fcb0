package baton.tomcat;

/** The request that a thread works for. */
final class CurrentRequest {
  /**
   * One place per thread, for good: setting and removing a value of a thread several times a request would make, and clear,
   * as many weak references.
   */
  private final ThreadLocal<RequestHold[]> places = ThreadLocal.withInitial(() -> new RequestHold[1]);

  /** null: none. */
  RequestHold get() {
    return places.get()[0];
  }

  /** From now on this one, or none; gives the one before. */
  RequestHold enter(RequestHold hold) {
    RequestHold[] place = places.get();
    RequestHold before = place[0];
    place[0] = hold;
    return before;
  }
}
