package baton.tomcat.node;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;

/** Two Tomcats, one Redis, and no stickiness: what tests of one application have in common. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class Nodes {
  protected RedisProcess redis;
  protected TomcatNode a;
  protected TomcatNode b;
  protected Browser browser;

  protected abstract Application application();

  protected void configure(TomcatNode node) {}

  @BeforeAll
  void startAll() throws Exception {
    redis = RedisProcess.start();
    a = TomcatNode.start(redis, application(), this::configure);
    b = TomcatNode.start(redis, application(), this::configure);
  }

  @BeforeEach
  void newBrowser() {
    browser = new Browser();
  }

  @AfterAll
  void stopAll() throws Exception {
    try {
      for (TomcatNode node : new TomcatNode[] {a, b}) if (node != null) node.close();
    } finally {
      if (redis != null) redis.close();
    }
  }
}
