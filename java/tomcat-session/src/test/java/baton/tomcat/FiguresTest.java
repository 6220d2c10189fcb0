package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import baton.tomcat.node.Application;
import baton.tomcat.node.Nodes;
import baton.tomcat.node.TomcatNode;
import java.lang.management.ManagementFactory;
import java.util.Set;
import java.util.TreeSet;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

/** What operators see of the manager, and what they must not see. */
class FiguresTest extends Nodes {
  @Override
  protected Application application() {
    return new Application()
        .on("/set", (request, response) -> request.getSession().setAttribute("cart", "full"))
        .on("/list", (request, response) -> response.getWriter().print(a.manager().listSessionIds()));
  }

  @Override
  protected void configure(TomcatNode node) {
    node.manager().setNamespace("figures");
  }

  @Test
  void jmxShowsFiguresAndNoSecrets() throws Exception {
    browser.read(b, "/set");
    browser.read(b, "/set");
    MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    ObjectName name = server.queryNames(new ObjectName(b.name() + ":type=Manager,*"), null).iterator().next();
    Set<String> readable = new TreeSet<>();
    for (MBeanAttributeInfo attribute : server.getMBeanInfo(name).getAttributes()) {
      if (attribute.isReadable()) readable.add(attribute.getName());
    }
    for (String secret : new String[] {"password", "store", "userSecret", "encryptionKeys"}) {
      assertFalse(readable.contains(secret), secret);
    }
    assertEquals(1L, server.getAttribute(name, "loads"));
    assertEquals(0L, server.getAttribute(name, "refused"));
    assertEquals(true, server.getAttribute(name, "storeUp"));
    assertEquals("figures", server.getAttribute(name, "namespace"));
  }

  @Test
  void listsShowHashesAndNoIds() throws Exception {
    browser.read(a, "/set");
    String list = browser.read(a, "/list");
    assertTrue(list.matches("[0-9A-Za-z_-]{8}"), list);
    assertFalse(browser.session().contains(list));
  }
}
