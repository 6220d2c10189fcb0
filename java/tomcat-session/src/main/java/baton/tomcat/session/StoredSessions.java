package baton.tomcat.session;

import baton.tomcat.store.SessionStore;
import baton.tomcat.store.StoreHealth;
import baton.tomcat.store.Wanted;

/** The sessions of one web application, over a store. */
final class StoredSessions implements Sessions {
  StoredSessions(SessionOptions options) {}

  @Override
  public String newId() {
    throw new UnsupportedOperationException();
  }

  @Override
  public SessionRecord make(String newId) {
    throw new UnsupportedOperationException();
  }

  @Override
  public SessionRecord load(String id, Wanted wanted) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int destroyAllOf(String user, SessionRecord except) {
    throw new UnsupportedOperationException();
  }

  @Override
  public StoreHealth health() {
    throw new UnsupportedOperationException();
  }

  @Override
  public SessionStore store() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
