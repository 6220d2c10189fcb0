package baton.tomcat.store;

import baton.tomcat.format.SessionException;
import java.util.regex.Pattern;

/** The keys of one application. No hash tags: in a cluster, sessions spread over all servers. */
final class RedisKeys {
  private static final Pattern NAMESPACE = Pattern.compile("[A-Za-z0-9_.-]{1,64}");

  private final String namespace;

  RedisKeys(String namespace) {
    if (!NAMESPACE.matcher(namespace).matches()) {
      throw new SessionException(
          SessionException.Code.OPTIONS, "the namespace of sessions is 1 to 64 of A-Z a-z 0-9 _ . -, for example \"shop\"");
    }
    this.namespace = namespace;
  }

  String session(String key) {
    return namespace + ":s:" + key;
  }

  /** Sorted set of a user's sessions: member the session's key, score its expiry in ms. */
  String list(String owner) {
    return namespace + ":u:" + owner;
  }

  /** Counter, raised at each log-out-everywhere; absent is 0. */
  String epoch(String owner) {
    return namespace + ":e:" + owner;
  }
}
