package baton.tomcat.store;

/** Where calls go. */
interface RedisRouter {
  /** As far as it is known; null: nowhere any more, the store is closed. */
  RedisLink linkFor(String key);

  /** Where to send a call after a reply that says that it belongs elsewhere, and that nothing was done; null: nowhere. */
  Redirect redirect(RedisError reply, RedisLink from, RedisConnection on);

  final class Redirect {
    private final RedisLink link;
    private final boolean isAsking;

    /** {@code isAsking}: the key is on its way there, so that each command or transaction goes behind an ASKING. */
    Redirect(RedisLink link, boolean isAsking) {
      this.link = link;
      this.isAsking = isAsking;
    }

    RedisLink link() {
      return link;
    }

    boolean isAsking() {
      return isAsking;
    }
  }
}
