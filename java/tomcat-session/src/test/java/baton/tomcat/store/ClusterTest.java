package baton.tomcat.store;

import static baton.tomcat.store.CachingNode.PATIENT;
import static baton.tomcat.store.CachingNode.orAgain;
import static baton.tomcat.store.Records.record;
import static baton.tomcat.store.Records.rotation;
import static baton.tomcat.store.Records.sealed;
import static baton.tomcat.store.Records.set;
import static baton.tomcat.store.Records.state;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.format.RecordMeta.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.ClassOrderer;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestClassOrder;
import org.junit.jupiter.api.TestMethodOrder;

/** A real cluster whose slots move and whose masters die. */
@TestClassOrder(ClassOrderer.OrderAnnotation.class)
class ClusterTest {
  private static RedisCluster cluster;

  @BeforeAll
  static void start() throws Exception {
    cluster = RedisCluster.start();
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
  }

  @Test
  void slotsAreThoseOfTheSpecification() {
    assertEquals(
        List.of(12_739, 12_182, 3_443, 8_363),
        List.of(
            RedisSlots.of("123456789"),
            RedisSlots.of("foo"),
            RedisSlots.of("{user1000}.following"),
            RedisSlots.of("foo{}{bar}")));
  }

  /** All that every store must do. */
  @Nested
  @Order(1)
  class Sessions extends RedisStoreTest {
    @Override
    String start() {
      return cluster.url();
    }

    @Override
    void stop() {}
  }

  @Nested
  @Order(2)
  class Owners extends OwnersTest {
    @Override
    String start() {
      return cluster.url();
    }

    @Override
    void stop() {}

    @Override
    RawRedis raw(String key) throws Exception {
      return cluster.master(cluster.ownerOf(key)).raw();
    }
  }

  @Nested
  @Order(3)
  @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
  class InMotion {
    @Test
    @Order(1)
    void aRotationFromOneServerToAnotherLosesNothingThatIsCommittedMeanwhile() {
      try (SessionStore store = RedisStore.open(cluster.url(), "move", PATIENT)) {
        for (int trial = 0; trial < 15; trial += 1) {
          String from = cluster.keyOn("move", trial % 3);
          String to = cluster.keyOn("move", (trial + 1) % 3);
          store.create(from, record(), 60_000, null);
          Set<String> committed = new ConcurrentSkipListSet<>();
          List<CompletableFuture<?>> writes = new ArrayList<>();
          for (int at = 0; at < 6; at += 1) {
            String field = ".n" + at;
            writes.add(
                CompletableFuture.runAsync(
                    () -> {
                      if (store.commit(from, set(field, sealed(1)), 60_000).isPresent()) committed.add(field);
                    }));
          }
          Rotated rotated = store.rotate(rotation(from, to, null), 60_000);
          CompletableFuture.allOf(writes.toArray(new CompletableFuture<?>[0])).join();
          assertTrue(rotated.fields().keySet().containsAll(committed));
          assertEquals(State.DEAD, state(store, from));
          assertEquals(State.ALIVE, state(store, to));
        }
      }
    }

    @Test
    @Order(2)
    void aSlotThatMovesWhileItIsWrittenAndReadLosesNothingAndFailsNothing() throws Exception {
      String key = cluster.keyOn("move", 1);
      String name = "move:s:" + key;
      int slot = RedisSlots.of(name);
      String fromId = cluster.tell(1, "CLUSTER", "MYID");
      String toId = cluster.tell(2, "CLUSTER", "MYID");
      try (SessionStore plain = RedisStore.open(cluster.url(), "move", PATIENT);
          NearCache near = NearCache.open(cluster.url(), "move", PATIENT, NearCacheLimits.DEFAULT)) {
        plain.create(key, record(), 60_000, null);
        AtomicBoolean isMoving = new AtomicBoolean(true);
        AtomicInteger writes = new AtomicInteger();
        List<CompletableFuture<?>> traffic = new ArrayList<>();
        for (SessionStore store : List.of(plain, near)) {
          String prefix = store == near ? ".near" : ".plain";
          traffic.add(
              CompletableFuture.runAsync(
                  () -> {
                    for (int at = 0; isMoving.get(); at += 1) {
                      String field = prefix + at;
                      long version = store.commit(key, set(field, sealed(at)), 60_000).getAsLong();
                      writes.incrementAndGet();
                      Stored stored = store.load(key, Wanted.NORMAL.atLeast(version));
                      assertTrue(stored.fields().containsKey(field), field);
                      assertEquals(
                          Updated.Outcome.DONE, store.update(key, field + "!", "", sealed(at), 60_000).outcome());
                    }
                  }));
        }
        cluster.tell(2, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
        cluster.tell(1, "CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
        moreThan(writes, 50);
        cluster.tell(1, "MIGRATE", "127.0.0.1", cluster.master(2).port(), name, 0, 1_000);
        moreThan(writes, 50);
        for (int server : new int[] {2, 1, 0}) cluster.tell(server, "CLUSTER", "SETSLOT", slot, "NODE", toId);
        moreThan(writes, 50);
        isMoving.set(false);
        CompletableFuture.allOf(traffic.toArray(new CompletableFuture<?>[0])).join();
        long found = plain.load(key).fields().keySet().stream().filter(field -> field.matches("\\.[a-z]+\\d+")).count();
        assertEquals(writes.get(), found);
      }
    }

    @Test
    @Order(3)
    void aMasterThatIsKilledTakesNoOtherWithItAndItsReplicaTakesOver() throws Exception {
      try (SessionStore store = RedisStore.open(cluster.url(), "move", Timeouts.DEFAULT)) {
        String lost = cluster.keyOn("move", 0);
        String kept = cluster.keyOn("move", 1);
        assertTrue(orAgain(() -> store.create(lost, record("a", sealed(1)), 60_000, null)));
        orAgain(() -> store.create(kept, record(), 60_000, null));
        cluster.tell(0, "WAIT", 1, 1_000);
        cluster.master(0).kill();
        long killedAtNs = System.nanoTime();
        boolean isBack = false;
        while (!isBack) {
          try {
            assertNotNull(store.load(lost), "gone, which it is not");
            isBack = true;
          } catch (SessionStoreException away) {
            assertTrue(System.nanoTime() - killedAtNs < TimeUnit.SECONDS.toNanos(15), away.getMessage());
            Thread.sleep(20);
          }
        }
        assertNotNull(orAgain(() -> store.load(kept)));
        assertTrue(orAgain(() -> store.commit(lost, set(".b", sealed(2)), 60_000)).isPresent());
        CachingNode.until(() -> store.health().isUp());
        assertFalse(store.load(lost).fields().isEmpty());
      }
    }

    private void moreThan(AtomicInteger writes, int more) throws Exception {
      int before = writes.get();
      CachingNode.until(() -> writes.get() > before + more);
    }
  }
}
