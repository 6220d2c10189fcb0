package baton.tomcat.format;

import java.util.Arrays;

/** A value's tag and payload, out of its envelope. */
public final class Plain {
  private final byte tag;
  private final byte[] payload;

  public Plain(int tag, byte[] payload) {
    this.tag = (byte) tag;
    this.payload = payload;
  }

  public char tag() {
    return (char) (tag & 0xff);
  }

  /** Not to be altered. */
  public byte[] payload() {
    return payload;
  }

  public boolean isSame(Plain other) {
    return other != null && tag == other.tag && Arrays.equals(payload, other.payload);
  }
}
