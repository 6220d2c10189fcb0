package baton.tomcat.session;

import baton.tomcat.format.OwnerHash;
import baton.tomcat.format.SessionException;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.format.ValueCipher;
import baton.tomcat.format.ValueCodec;
import baton.tomcat.store.NearCache;
import baton.tomcat.store.SessionStore;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** What all sessions of an application share. */
final class Context {
  final SessionStore store;
  final ValueCodec codec;
  final ValueCipher cipher;
  final Limits limits;
  final long maxInactiveMs;
  final long absoluteMs;
  final long commitMs;
  /** A near cache may not know yet what others have written. */
  final boolean mayBeStale;

  final Listings listings = new Listings();
  /** Keys of sessions whose touch is under way. */
  final Set<String> touching = ConcurrentHashMap.newKeySet();

  final Consumer<SessionException> onDropped;
  final Consumer<RuntimeException> onError;
  private final OwnerHash owners;

  Context(SessionOptions options, SessionStore store) {
    this.store = store;
    mayBeStale = store instanceof NearCache;
    codec = new ValueCodec(options.javaValues);
    cipher = new ValueCipher(options.encryption);
    limits = options.limits;
    maxInactiveMs = options.maxInactiveMs;
    absoluteMs = options.absoluteMs;
    commitMs = options.timeouts.commitMs();
    onDropped = options.onDropped;
    onError = options.onError;
    owners = new OwnerHash(options.userSecret == null ? options.namespace : options.userSecret);
  }

  String ownerOf(String user) {
    return owners.of(user);
  }

  /** null: nobody is logged in. */
  String ownerOf(StoredPrincipal principal) {
    return principal == null ? null : owners.of(principal.name());
  }
}
