package baton.tomcat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InvalidClassException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.net.URL;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.management.BadAttributeValueExpException;
import org.junit.jupiter.api.Test;

/** What may be made of bytes that somebody else may have written. */
class DeserialisationTest {
  private static final AtomicBoolean HAS_RUN = new AtomicBoolean();

  private final List<Class<?>> refused = new ArrayList<>();
  private final Settings settings = new Settings();

  private WebappValues values(String names) {
    return new WebappValues(getClass().getClassLoader(), settings.serialFilter(names, refused::add));
  }

  private void assertRefused(WebappValues values, Object value) throws IOException {
    byte[] bytes = values.write(value);
    assertThrows(InvalidClassException.class, () -> values.read(bytes));
  }

  @Test
  void valuesOfJavaAndOfTheApplicationAreRead() throws Exception {
    WebappValues values = values(null);
    Map<TimeUnit, BigDecimal> prices = new EnumMap<>(TimeUnit.class);
    prices.put(TimeUnit.DAYS, new BigDecimal("1.5"));
    // As Spring Security keeps the headers of the page that was asked for.
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.put("Accept", "text/html");
    for (Object value : List.of(prices, headers, LocalDate.of(2024, 2, 29), List.of(1, "a"), Map.of("k", 'c'), new int[] {1}.length)) {
      assertEquals(value, values.read(values.write(value)), () -> refused.toString());
    }
    assertTrue(values.read(values.write(new Harmless())) instanceof Harmless);
    assertTrue(refused.isEmpty());
  }

  @Test
  void partsOfKnownAttacksAreRefusedAndReported() throws Exception {
    WebappValues values = values(null);
    Map<URL, String> urls = new HashMap<>();
    urls.put(new URL("http://127.0.0.1:1/"), "");
    assertRefused(values, urls);
    assertRefused(values, new BadAttributeValueExpException("x"));
    assertEquals(List.of(URL.class, BadAttributeValueExpException.class), refused);
  }

  @Test
  void proxiesAreRefused() throws Exception {
    WebappValues values = values(null);
    Object proxy = Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {Runnable.class}, new Handler());
    assertRefused(values, proxy);
  }

  @Test
  void aFilterOfOnesOwnSaysWhatIsRead() throws Exception {
    settings.serialFilter = "java.base/*;!*";
    WebappValues values = values(null);
    byte[] bytes = values.write(new Runs());
    assertThrows(InvalidClassException.class, () -> values.read(bytes));
    assertFalse(HAS_RUN.get());
    assertEquals(List.of(Runs.class), refused);
  }

  @Test
  void tomcatsFilterOfClassNamesHoldsAsWell() throws Exception {
    WebappValues values = values("java\\.lang\\..*");
    assertEquals("a", values.read(values.write("a")));
    assertRefused(values, new Harmless());
  }

  private static final class Harmless implements Serializable {
    private static final long serialVersionUID = 1L;
  }

  private static final class Handler implements InvocationHandler, Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) {
      return null;
    }
  }

  private static final class Runs implements Serializable {
    private static final long serialVersionUID = 1L;

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
      in.defaultReadObject();
      HAS_RUN.set(true);
    }
  }
}
