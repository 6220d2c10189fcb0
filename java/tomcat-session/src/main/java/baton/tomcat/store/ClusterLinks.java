package baton.tomcat.store;

import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One link to each master of a cluster, and the map of its slots, which is asked for whenever a server is looked for and
 * found, and after MOVED: so the replica that took over from a silent master is heard of.
 */
final class ClusterLinks implements AutoCloseable {
  /** Two refreshes of the map are at least this far apart; while a server is looked for, they are made this often. */
  private static final long REFRESH_MS = 200;

  private static final RedisCommand SLOTS = RedisCommand.of(CommandType.CLUSTER, "SLOTS");

  private final RedisConnector connector;
  private final RedisUrl url;
  private final Timeouts timeouts;
  private final Tracking tracking;
  private final AtomicBoolean isRefreshing = new AtomicBoolean();
  /** All below is replaced as a whole, and written while synchronized. */
  private volatile Map<RedisAddress, RedisLink> links = Map.of();
  private volatile RedisLink[] owners = new RedisLink[RedisSlots.COUNT];
  private volatile List<String> masters = List.of();
  private volatile long refreshedAtNs = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(REFRESH_MS);
  private volatile boolean isClosed;

  ClusterLinks(RedisConnector connector, RedisUrl url, Timeouts timeouts, Tracking tracking) {
    this.connector = connector;
    this.url = url;
    this.timeouts = timeouts;
    this.tracking = tracking;
    reachSeeds();
  }

  /** null: they are closed. */
  RedisLink of(String key) {
    RedisLink owner = owners[RedisSlots.of(key)];
    return owner == null || owner.isClosed() ? any() : owner;
  }

  /** By the name that {@link #masters} gives. */
  RedisLink named(String master) {
    for (Map.Entry<RedisAddress, RedisLink> link : links.entrySet()) {
      if (link.getKey().toString().equals(master)) return link.getValue();
    }
    return any();
  }

  /** Before the map is known, the servers that the URL names. */
  List<String> masters() {
    if (!masters.isEmpty()) return masters;
    List<String> seeds = new ArrayList<>();
    for (RedisAddress address : url.addresses()) seeds.add(address.toString());
    return seeds;
  }

  List<RedisLink> all() {
    List<RedisLink> known = new ArrayList<>();
    links.forEach((address, link) -> {
      if (masters.isEmpty() || masters.contains(address.toString())) known.add(link);
    });
    return known;
  }

  /** The slot has moved there, or is about to; {@code from}: who says so, and may mean itself. */
  RedisLink moved(int slot, String host, int port, RedisLink from, boolean isDone) {
    RedisLink link = to(new RedisAddress(host.isEmpty() ? hostOf(from) : host, port));
    if (isDone) {
      synchronized (this) {
        RedisLink[] next = owners.clone();
        next[slot] = link;
        owners = next;
      }
      refresh();
    }
    return link;
  }

  void refresh() {
    if (isClosed || !isRefreshing.compareAndSet(false, true)) return;
    long sinceMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - refreshedAtNs);
    connector.later(this::refreshNow, Math.max(0, REFRESH_MS - sinceMs));
  }

  @Override
  public void close() {
    Map<RedisAddress, RedisLink> closing;
    synchronized (this) {
      isClosed = true;
      closing = links;
      links = Map.of();
    }
    closing.values().forEach(RedisLink::close);
  }

  private void refreshNow() {
    refreshedAtNs = System.nanoTime();
    isRefreshing.set(false);
    if (isClosed) return;
    // Whoever is connected may be frozen, or cut off from the others: the first to answer wins, its map is checked by use.
    AtomicBoolean isAnswered = new AtomicBoolean();
    links.forEach(
        (address, link) -> {
          RedisConnection connection = link.current();
          if (connection == null) return;
          connection
              .send(List.of(SLOTS))
              .thenAcceptAsync(
                  replies -> {
                    if (replies.get(0) instanceof RedisError || !isAnswered.compareAndSet(false, true)) return;
                    learn(RedisSlots.read(replies.get(0), address.host()));
                  },
                  connector.executor());
        });
    connector.later(
        () -> {
          if (!isAnswered.get()) reachSeeds();
        },
        timeouts.loadMs());
  }

  private void reachSeeds() {
    for (RedisAddress address : url.addresses()) to(address);
  }

  private void learn(List<RedisSlots.Range> ranges) {
    if (ranges.isEmpty()) return;
    RedisLink[] next = new RedisLink[RedisSlots.COUNT];
    TreeSet<String> names = new TreeSet<>();
    for (RedisSlots.Range range : ranges) {
      names.add(range.master().toString());
      Arrays.fill(next, range.from(), range.to() + 1, to(range.master()));
    }
    Map<RedisAddress, RedisLink> left = new LinkedHashMap<>();
    synchronized (this) {
      if (isClosed) return;
      owners = next;
      masters = List.copyOf(names);
      Map<RedisAddress, RedisLink> kept = new LinkedHashMap<>();
      links.forEach((address, link) -> (names.contains(address.toString()) ? kept : left).put(address, link));
      links = Collections.unmodifiableMap(kept);
    }
    left.values().forEach(RedisLink::close);
  }

  /** Before the map is known, any server will do: it says where a key is. */
  private RedisLink any() {
    RedisLink first = null;
    for (RedisLink link : links.values()) {
      if (link.current() != null && !link.isAway()) return link;
      if (first == null) first = link;
    }
    return first;
  }

  private RedisLink to(RedisAddress address) {
    RedisLink made;
    synchronized (this) {
      RedisLink known = links.get(address);
      if (known != null || isClosed) return known;
      made =
          new RedisLink(
              new LinkPlan(connector, timeouts, tracking, () -> connector.connect(address, url.login(), 0))
                  .telling(this::refresh, this::refresh));
      Map<RedisAddress, RedisLink> next = new LinkedHashMap<>(links);
      next.put(address, made);
      links = Collections.unmodifiableMap(next);
    }
    made.seek();
    return made;
  }

  private String hostOf(RedisLink link) {
    for (Map.Entry<RedisAddress, RedisLink> entry : links.entrySet()) {
      if (entry.getValue() == link) return entry.getKey().host();
    }
    return url.addresses().get(0).host();
  }
}
