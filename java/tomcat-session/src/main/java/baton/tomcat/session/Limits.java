package baton.tomcat.session;

/** How much a session may hold; nothing is stored of a commit that breaks one of them. */
public final class Limits {
  /** 1 MiB an attribute, 4 MiB a session, 1,000 attributes. */
  public static final Limits DEFAULT = new Limits(1_048_576, 4_194_304, 1_000);

  private final int attributeBytes;
  private final int sessionBytes;
  private final int attributes;

  public Limits(int attributeBytes, int sessionBytes, int attributes) {
    this.attributeBytes = attributeBytes;
    this.sessionBytes = sessionBytes;
    this.attributes = attributes;
  }

  /** Of one attribute, as it is stored. */
  public int attributeBytes() {
    return attributeBytes;
  }

  /** Of all attributes, names and values. */
  public int sessionBytes() {
    return sessionBytes;
  }

  public int attributes() {
    return attributes;
  }
}
