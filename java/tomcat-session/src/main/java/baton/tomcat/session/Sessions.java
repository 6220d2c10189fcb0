package baton.tomcat.session;

import baton.tomcat.store.NearCacheStats;
import baton.tomcat.store.SessionStore;
import baton.tomcat.store.StoreHealth;
import baton.tomcat.store.Wanted;
import java.util.Optional;

/** The sessions of one web application. */
public interface Sessions extends AutoCloseable {
  /** Throws {@link baton.tomcat.format.SessionException} {@code OPTIONS}. Connects in the background. */
  static Sessions open(SessionOptions options) {
    return new StoredSessions(options);
  }

  /** A new id: 192 random bits in base64url. Tomcat's own ids do as well: 22 to 64 of {@code 0-9A-Za-z_-}. */
  String newId();

  /** A session that the store does not have yet. */
  SessionRecord make(String newId);

  /**
   * The session of a cookie's id, one round trip; one that is DEAD: it has ended. null: there is none, or the id cannot be one
   * (nothing is asked then). Throws {@link baton.tomcat.store.SessionStoreException} if the store cannot say.
   */
  SessionRecord load(String id, Wanted wanted);

  /** Logs a user out everywhere, but for {@code except} (or null). Gives how many sessions were alive. */
  int destroyAllOf(String user, SessionRecord except);

  /** Whether the store answers, as far as this process knows; asks nothing. */
  StoreHealth health();

  /** Empty: there is no near cache. */
  Optional<NearCacheStats> nearCache();

  SessionStore store();

  /** Closes the store if it was opened here. Ends no session. */
  @Override
  void close();
}
