package baton.tomcat.store;

import java.util.OptionalLong;

/** A session on its way to another key. */
public final class Rotation {
  private final String from;
  private final String to;
  private final Change change;
  private final boolean keepAttributes;
  private final String owner;
  private final OptionalLong ifVersion;

  /**
   * {@code keepAttributes}: false leaves attributes and container notes behind; what the change sets is written all the
   * same. {@code owner}: hash of the user who logs in by this rotation, or is logged in already; null for none. {@code
   * ifVersion}: only if {@code @v} is still this, for who has to write every attribute anew.
   */
  public Rotation(
      String from, String to, Change change, boolean keepAttributes, String owner, OptionalLong ifVersion) {
    this.from = from;
    this.to = to;
    this.change = change;
    this.keepAttributes = keepAttributes;
    this.owner = owner;
    this.ifVersion = ifVersion;
  }

  public String from() {
    return from;
  }

  public String to() {
    return to;
  }

  public Change change() {
    return change;
  }

  /** Left in {@code @x} of the old key. */
  public String tombstone() {
    return "r:" + to;
  }

  public boolean keepAttributes() {
    return keepAttributes;
  }

  public String owner() {
    return owner;
  }

  public OptionalLong ifVersion() {
    return ifVersion;
  }

  /** Whether somebody logs in by it: a mere new id must not outlive a log-out-everywhere. */
  public boolean isLogin() {
    return change.set().containsKey("@p");
  }
}
