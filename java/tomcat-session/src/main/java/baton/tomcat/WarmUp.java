package baton.tomcat;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.session.SessionRecord;
import baton.tomcat.session.Sessions;
import baton.tomcat.store.StoreHealth;
import baton.tomcat.store.Wanted;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Before the first request: connects, and does with sessions of its own, which nobody has an id of, what requests do with
 * those of users. A JVM that has just started needs longer for its first connection and its first commands than a request may
 * wait for them. Where the store is away, or stays slow, the node starts without.
 */
final class WarmUp {
  private static final int ROUNDS = 40;
  private static final int ROUNDS_PER_LOGIN = 5;
  private static final long ROUNDS_NS = TimeUnit.MILLISECONDS.toNanos(1_500);
  private static final long FIRST_ROUND_NS = TimeUnit.SECONDS.toNanos(3);
  /** For a store that is away: it may be about to come. */
  private static final long AWAY_NS = TimeUnit.MILLISECONDS.toNanos(400);
  /** For one of which nothing was heard yet: no processor may be left for our own part. */
  private static final long CONNECT_NS = TimeUnit.SECONDS.toNanos(3);
  /** What a JVM that is killed now leaves behind does not stay for long. */
  private static final long LIFE_MS = 60_000;

  private final Sessions sessions;
  private final long beganNs = System.nanoTime();

  private WarmUp(Sessions sessions) {
    this.sessions = sessions;
  }

  static void of(Sessions sessions) {
    WarmUp warmUp = new WarmUp(sessions);
    if (warmUp.isConnected()) warmUp.rounds();
  }

  private boolean isConnected() {
    while (!Thread.currentThread().isInterrupted()) {
      StoreHealth health = sessions.health();
      if (health.isUp()) return true;
      if (System.nanoTime() - beganNs > (health.isStarting() ? CONNECT_NS : AWAY_NS)) return false;
      pause();
    }
    return false;
  }

  private void rounds() {
    long startedNs = System.nanoTime();
    int done = 0;
    for (int round = 0; round < ROUNDS && sessions.health().isUp(); round += 1) {
      // Where the first rounds are too slow to be done at all, the first requests would be.
      if (System.nanoTime() - startedNs > (done == 0 ? FIRST_ROUND_NS : ROUNDS_NS)) return;
      List<SessionRecord> begun = new ArrayList<>();
      try {
        request(begun, done);
        done += 1;
      } catch (SessionException notYet) {
        // Of a store that comes and goes requests will tell.
      } finally {
        begun.forEach(WarmUp::end);
      }
    }
  }

  /** {@code begun}: takes what is to be ended. */
  private void request(List<SessionRecord> begun, int round) {
    SessionRecord made = sessions.make(sessions.newId());
    begun.add(made);
    made.setMaxInactiveMs(LIFE_MS);
    values(round).forEach(made::set);
    made.setNote("warm-up", new byte[] {1});
    made.begin();
    SessionRecord loaded = sessions.load(made.id(), Wanted.NORMAL);
    if (loaded == null) return;
    begun.add(loaded);
    for (String name : loaded.names()) loaded.get(name);
    loaded.refresh(Wanted.FRESH);
    values(round + 1).forEach(loaded::set);
    loaded.remove("text");
    loaded.commit();
    sessions.store().touch(loaded.key(), LIFE_MS, null);
    // Less often, as in life; each leaves a tombstone.
    if (round % ROUNDS_PER_LOGIN == 0) login(loaded);
    sessions.load(sessions.newId(), Wanted.NORMAL);
  }

  private void login(SessionRecord record) {
    // A user that nobody can be.
    record.login(new StoredPrincipal("warm-up " + sessions.newId(), List.of("none"), null), sessions.newId());
    record.set("text", "again");
    record.commit();
    record.renewId(sessions.newId());
  }

  /** One of each kind. */
  private static Map<String, Object> values(int round) {
    return Map.of(
        "text", "warm " + round,
        "int", round,
        "long", (long) round,
        "double", round / 2.0,
        "boolean", round % 2 == 0,
        "date", new Date(round),
        "json", Map.of("list", List.of(round, "two", true)),
        "bytes", new byte[] {(byte) round},
        // Of no class that a filter could refuse.
        "java", new int[] {round});
  }

  private static void end(SessionRecord record) {
    try {
      record.destroy();
    } catch (SessionException away) {
      // It ends by itself.
    }
  }

  private static void pause() {
    try {
      Thread.sleep(10);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
