package baton.tomcat.session;

import baton.tomcat.format.RecordMeta;
import baton.tomcat.format.SessionId;
import baton.tomcat.store.NearCache;
import baton.tomcat.store.NearCacheStats;
import baton.tomcat.store.RedisStore;
import baton.tomcat.store.SessionStore;
import baton.tomcat.store.Stored;
import baton.tomcat.store.StoreHealth;
import baton.tomcat.store.Wanted;
import java.util.Optional;

/** The sessions of one web application, over a store. */
final class StoredSessions implements Sessions {
  private final Context context;
  private final boolean isStoreOurs;

  StoredSessions(SessionOptions options) {
    isStoreOurs = options.store == null;
    context = new Context(options, isStoreOurs ? opened(options) : options.store);
  }

  private static SessionStore opened(SessionOptions options) {
    return options.nearCache == null
        ? RedisStore.open(options.url, options.namespace, options.timeouts)
        : NearCache.open(options.url, options.namespace, options.timeouts, options.nearCache);
  }

  @Override
  public String newId() {
    return SessionId.make();
  }

  @Override
  public SessionRecord make(String newId) {
    return new RecordSession(context, new SessionState(context, newId, SessionId.hash(newId)));
  }

  @Override
  public SessionRecord load(String id, Wanted wanted) {
    String bare = SessionId.ofCookie(id);
    if (bare == null) return null;
    long askedAtMs = System.currentTimeMillis();
    String key = SessionId.hash(bare);
    Stored stored = context.store.load(key, wanted);
    if (stored == null || stored.meta().state() == RecordMeta.State.ABSENT) return null;
    SessionState state = new SessionState(context, bare, key);
    state.adoptLoaded(stored, askedAtMs);
    return new RecordSession(context, state);
  }

  @Override
  public int destroyAllOf(String user, SessionRecord except) {
    return context.store.destroyAllOf(context.ownerOf(user), except == null ? null : except.key());
  }

  @Override
  public StoreHealth health() {
    return context.store.health();
  }

  @Override
  public Optional<NearCacheStats> nearCache() {
    return context.store instanceof NearCache ? Optional.of(((NearCache) context.store).stats()) : Optional.empty();
  }

  @Override
  public SessionStore store() {
    return context.store;
  }

  @Override
  public void close() {
    if (isStoreOurs) context.store.close();
  }
}
