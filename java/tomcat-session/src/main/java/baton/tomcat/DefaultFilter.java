package baton.tomcat;

import java.io.ObjectInputFilter;
import java.util.regex.Pattern;

/**
 * Which classes are made of Java-serialised values where nothing is configured: of Java itself, those that hold plain
 * values; of the application and its libraries, all but those that are known to be parts of attacks (CWE-502; the classes
 * are those of the payloads of ysoserial and its successors). Whoever can write to the store should still not be anybody:
 * a list of what is bad is never whole; {@code serialFilter} says what is good.
 */
final class DefaultFilter implements ObjectInputFilter {
  private static final long MAX_DEPTH = 200;
  private static final long MAX_REFERENCES = 1_000_000;
  private static final long MAX_ARRAY = 4_194_304;

  /** Of the platform's classes. Throwables, records, enums and lambdas among them are none. */
  private static final Pattern PLATFORM =
      Pattern.compile(
          "java\\.lang\\.(Boolean|Byte|Character|Short|Integer|Long|Float|Double|Number|String|Enum|Object|Class|"
              + "String\\$CaseInsensitiveComparator|"
              + "StringBuilder|StringBuffer|AbstractStringBuilder|StackTraceElement|Throwable|Exception|"
              + "[A-Za-z]*Exception)"
              + "|java\\.util\\.[\\w$]+"
              + "|java\\.util\\.concurrent\\.((atomic|locks)\\.)?[\\w$]+"
              + "|java\\.math\\.(BigInteger|BigDecimal|MathContext|RoundingMode)"
              + "|java\\.time\\.([a-z]+\\.)?[\\w$]+"
              + "|java\\.net\\.(URI|InetAddress|Inet4Address|Inet6Address|InetSocketAddress)"
              + "|java\\.sql\\.(Date|Time|Timestamp)"
              + "|java\\.io\\.(File|Serializable)"
              + "|sun\\.util\\.calendar\\.ZoneInfo");

  private static final Pattern BAD =
      Pattern.compile(
          "org\\.apache\\.(catalina|coyote|tomcat|naming|el|jasper|juli)\\..*|baton\\.tomcat\\.(format|session|store)\\..*"
              + "|org\\.apache\\.commons\\.(collections4?\\.(functors|keyvalue|map\\.(LazyMap|DefaultedMap)|comparators|"
              + "bag\\.Tree).*|beanutils\\..*|fileupload2?\\..*|configuration2?\\..*|jelly\\..*|dbcp2?\\..*|logging\\..*)"
              + "|org\\.apache\\.(xalan|xbean|wicket\\.util\\.upload|click|tomcat\\.dbcp|ibatis|bcel|myfaces|velocity|"
              + "catalina\\.(ha|tribes)|commons\\.text\\.lookup|logging\\.log4j\\.core|log4j|shiro\\.jndi|openjpa)(\\.|$).*"
              + "|org\\.springframework\\.(beans\\.factory|core\\.SerializableTypeWrapper|aop|transaction\\.jta|jndi|"
              + "context\\.support|remoting).*"
              + "|org\\.codehaus\\.groovy\\..*|groovy\\..*|org\\.apache\\.groovy\\..*"
              + "|org\\.hibernate\\.(engine|tuple|type|property|jmx|service|ejb).*"
              + "|com\\.mchange\\..*|com\\.rometools\\..*|com\\.sun\\.(syndication|rowset|jndi|org\\.apache|corba|"
              + "xml\\.internal|proxy)\\..*"
              + "|bsh\\..*|clojure\\..*|scala\\.(tools|sys\\.process|Function0|runtime\\.Lambda).*|kotlin\\.jvm\\.internal\\..*Lambda.*"
              + "|org\\.mozilla\\.javascript\\..*|org\\.python\\..*|org\\.jruby\\..*|jdk\\.nashorn\\..*|javax\\.script\\..*"
              + "|net\\.sf\\.(json|cglib|ehcache\\.transaction)\\..*|com\\.alibaba\\.fastjson2?\\..*|com\\.alibaba\\.druid\\..*"
              + "|com\\.fasterxml\\.jackson\\.databind\\.node\\..*|com\\.zaxxer\\.hikari\\..*|com\\.h2database\\..*|org\\.h2\\..*"
              + "|org\\.aspectj\\..*|org\\.jboss\\.(weld\\.interceptor|interceptor|resteasy).*|freemarker\\..*|ognl\\..*"
              + "|com\\.vaadin\\.(data|ui)\\..*|com\\.caucho\\..*|com\\.ibm\\..*|oracle\\.jdbc\\..*|org\\.eclipse\\.jetty\\..*"
              + "|org\\.reflections\\..*|javassist\\..*|net\\.bytebuddy\\..*|org\\.quartz\\.utils\\..*|ch\\.qos\\.logback\\.core\\.db\\..*");

  /** The lists are long, and classes few. */
  private final ClassValue<Status> known =
      new ClassValue<>() {
        @Override
        protected Status computeValue(Class<?> type) {
          if (BAD.matcher(type.getName()).matches()) return Status.REJECTED;
          return !isPlatform(type) || PLATFORM.matcher(type.getName()).matches() ? Status.ALLOWED : Status.REJECTED;
        }
      };

  @Override
  public Status checkInput(FilterInfo info) {
    if (info.depth() > MAX_DEPTH || info.references() > MAX_REFERENCES || info.arrayLength() > MAX_ARRAY) {
      return Status.REJECTED;
    }
    Class<?> type = info.serialClass();
    while (type != null && type.isArray()) type = type.getComponentType();
    return type == null || type.isPrimitive() ? Status.UNDECIDED : known.get(type);
  }

  private static boolean isPlatform(Class<?> type) {
    ClassLoader loader = type.getClassLoader();
    return loader == null || loader == ClassLoader.getPlatformClassLoader();
  }
}
