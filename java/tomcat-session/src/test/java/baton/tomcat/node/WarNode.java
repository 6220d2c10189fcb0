package baton.tomcat.node;

import baton.tomcat.SessionManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.core.StandardHost;
import org.apache.catalina.startup.HostConfig;
import org.apache.catalina.startup.Tomcat;

/** A real Tomcat that deploys the WAR of its webapps folder, and deploys it again when it has changed. */
public final class WarNode implements Site, AutoCloseable {
  private static final String PREFIX = "baton-redis-";

  private final Tomcat tomcat = new Tomcat();
  private final Path folder;
  private final Path war;
  private final StandardHost host;
  /** All threads that the node starts, and threads that these start, are of this group. */
  private final ThreadGroup group = new ThreadGroup("war-node");
  private int copies;

  private WarNode(Path folder) throws IOException {
    this.folder = folder;
    tomcat.setBaseDir(folder.toString());
    tomcat.getEngine().setName(folder.getFileName().toString());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.addUser("anna", "secret");
    host = (StandardHost) tomcat.getHost();
    Path webapps = Files.createDirectories(folder.resolve("webapps"));
    war = webapps.resolve("ROOT.war");
    host.setAppBase(webapps.toString());
    host.addLifecycleListener(new HostConfig());
  }

  /** {@code war}: becomes the application at the root; its context.xml names the manager. */
  public static WarNode start(War war) throws Exception {
    WarNode node = new WarNode(Files.createTempDirectory("baton-tomcat-war-node-"));
    node.write(war);
    node.inGroup(node.tomcat::start);
    return node;
  }

  /** Has the running Tomcat find another WAR in its place. */
  public void redeploy(War next) throws Exception {
    write(next);
    inGroup(host::backgroundProcess);
  }

  /** Stops the application and starts it again, with another class loader. */
  public void reload() throws Exception {
    inGroup(context()::reload);
  }

  /** Requests that come from now on find none. */
  public void stopApplication() throws Exception {
    inGroup(context()::stop);
  }

  public void startApplication() throws Exception {
    inGroup(context()::start);
  }

  public Context context() {
    return (Context) host.findChild("");
  }

  public SessionManager manager() {
    return (SessionManager) context().getManager();
  }

  /** That the client of Redis has at this moment. */
  public List<Thread> redisThreads() {
    Thread[] threads = new Thread[2 * group.activeCount() + 20];
    int count = group.enumerate(threads);
    List<Thread> found = new ArrayList<>();
    for (int at = 0; at < count; at += 1) if (threads[at].getName().startsWith(PREFIX)) found.add(threads[at]);
    return found;
  }

  @Override
  public String url(String path) {
    return "http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + path;
  }

  private void write(War next) throws IOException {
    Path beside = folder.resolve("next.war");
    Files.write(beside, next.bytes());
    copies += 1;
    // Tomcat leaves alone what has changed within the last second, as it may not be whole.
    Files.setLastModifiedTime(beside, FileTime.fromMillis(System.currentTimeMillis() - 100_000 + 10_000L * copies));
    Files.move(beside, war, StandardCopyOption.REPLACE_EXISTING);
  }

  private interface Step {
    void run() throws Exception;
  }

  private void inGroup(Step step) throws Exception {
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              step.run();
              return null;
            });
    new Thread(group, task, "war-node").start();
    task.get();
  }

  @Override
  public void close() throws LifecycleException, IOException {
    tomcat.stop();
    tomcat.destroy();
    Folders.remove(folder);
  }
}
