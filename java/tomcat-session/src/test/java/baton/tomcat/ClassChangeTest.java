package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import baton.tomcat.node.Application;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.TreeSet;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A class of an attribute changes between two releases that run at the same time. */
class ClassChangeTest extends Nodes {
  @TempDir
  static Path folder;

  private boolean isSecond;

  @Override
  protected Application application() {
    return new Application()
        .on("/fill", (request, response) -> {
          Class<?> type = Class.forName("shop.Cart", true, Thread.currentThread().getContextClassLoader());
          request.getSession().setAttribute("cart", type.getConstructor().newInstance());
          request.getSession().setAttribute("user", "anna");
        })
        .on("/look", (request, response) -> {
          Object cart = request.getSession().getAttribute("cart");
          response.getWriter().print(cart + " " + request.getSession().getAttribute("user"));
        })
        .on("/names", (request, response) -> {
          response.getWriter().print(new TreeSet<>(Collections.list(request.getSession().getAttributeNames())));
        })
        .on("/rename", (request, response) -> request.getSession().setAttribute("user", "ben"));
  }

  @Override
  protected void configure(TomcatNode node) {
    try {
      node.context().setParentClassLoader(release(isSecond ? 2 : 1));
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
    isSecond = true;
  }

  private static URLClassLoader release(int version) throws Exception {
    Path classes = Files.createDirectories(folder.resolve("release" + version));
    Path source = classes.resolve("Cart.java");
    Files.writeString(
        source,
        "package shop; public class Cart implements java.io.Serializable {"
            + " private static final long serialVersionUID = " + version + "L;"
            + " public String toString() { return \"cart" + version + "\"; } }");
    int result =
        ToolProvider.getSystemJavaCompiler().run(null, null, null, "-d", classes.toString(), source.toString());
    assertEquals(0, result);
    return new URLClassLoader(new URL[] {classes.toUri().toURL()}, ClassChangeTest.class.getClassLoader());
  }

  @Test
  void onlyTheAttributeThatCannotBeReadIsMissingAndItsBytesStay() throws Exception {
    browser.read(a, "/fill");
    assertEquals("cart1 anna", browser.read(a, "/look"));
    assertEquals("null anna", browser.read(b, "/look"));
    assertEquals("[cart, user]", browser.read(b, "/names"));
    browser.read(b, "/rename");
    assertEquals("cart1 ben", browser.read(a, "/look"));
    assertEquals("null ben", browser.read(b, "/look"));
  }
}
