package baton.tomcat.store;

import java.util.Objects;

/** Where a server listens. */
final class RedisAddress {
  private final String host;
  private final int port;

  RedisAddress(String host, int port) {
    this.host = host;
    this.port = port;
  }

  String host() {
    return host;
  }

  int port() {
    return port;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RedisAddress && host.equals(((RedisAddress) other).host) && port == ((RedisAddress) other).port;
  }

  @Override
  public int hashCode() {
    return Objects.hash(host, port);
  }

  /** A name that stays the same. */
  @Override
  public String toString() {
    return host + ":" + port;
  }
}
