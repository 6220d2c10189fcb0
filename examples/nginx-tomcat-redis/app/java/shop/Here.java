package shop;

/** Which release this is, and which node, as Baton says. */
final class Here {
  static final String RELEASE = from("BATON_RELEASE", Look.RELEASE);
  static final String NODE = from("BATON_NODE", "local");

  private Here() {}

  private static String from(String variable, String otherwise) {
    String value = System.getenv(variable);
    return value == null || value.isEmpty() ? otherwise : value;
  }
}
