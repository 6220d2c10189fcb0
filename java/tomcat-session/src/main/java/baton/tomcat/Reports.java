package baton.tomcat;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.juli.logging.Log;

/** Warnings, each at most once in ten seconds: while Redis is away, every request has the same one. */
final class Reports {
  private static final long EVERY_NS = TimeUnit.SECONDS.toNanos(10);
  private static final int MOST = 1_000;

  private final Log log;
  private final Map<String, Long> reportedAtNs = new ConcurrentHashMap<>();

  Reports(Log log) {
    this.log = log;
  }

  /** {@code cause}: shown where debugging is on; null for none. */
  void warn(String message, Throwable cause) {
    long nowNs = System.nanoTime();
    if (reportedAtNs.size() >= MOST) reportedAtNs.clear();
    Long dueAtNs = reportedAtNs.merge(message, nowNs, (last, now) -> now - last < EVERY_NS ? last : now);
    if (dueAtNs == nowNs) log.warn(message, log.isDebugEnabled() ? cause : null);
  }
}
