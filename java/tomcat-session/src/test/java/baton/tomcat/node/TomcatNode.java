package baton.tomcat.node;

import baton.tomcat.SessionManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import jakarta.servlet.ServletContext;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.authenticator.AuthenticatorBase;
import org.apache.catalina.authenticator.BasicAuthenticator;
import org.apache.catalina.authenticator.FormAuthenticator;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.LoginConfig;
import org.apache.tomcat.util.descriptor.web.SecurityCollection;
import org.apache.tomcat.util.descriptor.web.SecurityConstraint;

/** A real Tomcat on a free port, with one application at its root, whose sessions are shared. */
public final class TomcatNode implements Site, AutoCloseable {
  private final Tomcat tomcat = new Tomcat();
  private final Path folder;
  private final Context context;
  private final SessionManager manager = new SessionManager();

  private TomcatNode(Path folder) {
    this.folder = folder;
    tomcat.setBaseDir(folder.toString());
    // By which JMX tells several in one JVM apart.
    tomcat.getEngine().setName(name());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.addUser("anna", "secret");
    tomcat.addRole("anna", "buyer");
    tomcat.addUser("ben", "secret");
    tomcat.addRole("ben", "buyer");
    context = tomcat.addContext("", folder.toString());
  }

  public static TomcatNode start(RedisProcess redis, Application application) throws Exception {
    return start(redis, application, node -> {});
  }

  /** {@code configure}: what is special about this node, before it starts. */
  public static TomcatNode start(RedisProcess redis, Application application, Consumer<TomcatNode> configure)
      throws Exception {
    TomcatNode node = new TomcatNode(Files.createTempDirectory("baton-tomcat-node-"));
    node.manager.setStore(redis.url());
    // Machines that run tests are slow at times: only what is really away is.
    node.manager.setLoadTimeout(5_000);
    node.manager.setCommitTimeout(5_000);
    node.context.setManager(node.manager);
    Tomcat.addServlet(node.context, "application", application).setAsyncSupported(true);
    node.context.addServletMapping("/*", "application");
    configure.accept(node);
    node.tomcat.start();
    return node;
  }

  /** No other of this JVM has it. */
  public String name() {
    return folder.getFileName().toString();
  }

  /** {@code step}: done when the application begins, as its own code would. */
  public void onStart(Consumer<ServletContext> step) {
    context.addServletContainerInitializer((classes, servletContext) -> step.accept(servletContext), null);
  }

  public Context context() {
    return context;
  }

  public SessionManager manager() {
    return manager;
  }

  /** Pages under /account are for who has logged in, at /login. */
  public void askForLogin() {
    askForLogin("/account/*");
  }

  /** The same for another pattern of paths. */
  public void askForLogin(String protectedPaths) {
    LoginConfig config = new LoginConfig();
    config.setAuthMethod("FORM");
    config.setLoginPage("/login");
    config.setErrorPage("/login-failed");
    protect(protectedPaths, config, new FormAuthenticator());
  }

  /** Pages under /account are for who sends a name and a password with the request. */
  public void askForCredentials() {
    LoginConfig config = new LoginConfig();
    config.setAuthMethod("BASIC");
    protect("/account/*", config, new BasicAuthenticator());
  }

  private void protect(String protectedPaths, LoginConfig config, AuthenticatorBase authenticator) {
    context.setLoginConfig(config);
    SecurityCollection account = new SecurityCollection();
    account.addPattern(protectedPaths);
    SecurityConstraint constraint = new SecurityConstraint();
    constraint.addCollection(account);
    constraint.addAuthRole("buyer");
    context.addConstraint(constraint);
    context.addSecurityRole("buyer");
    context.getPipeline().addValve(authenticator);
  }

  /** Before it starts: what else it speaks. */
  public Connector connector() {
    return tomcat.getConnector();
  }

  public int port() {
    return tomcat.getConnector().getLocalPort();
  }

  @Override
  public String url(String path) {
    return "http://127.0.0.1:" + port() + path;
  }

  @Override
  public void close() throws LifecycleException, IOException {
    tomcat.stop();
    tomcat.destroy();
    Folders.remove(folder);
  }
}
