package baton.tomcat.format;

import java.util.List;
import java.util.Objects;

/** Who is logged in, as all nodes see it: {@code @p}, {@code @r} and {@code @t}. */
public final class StoredPrincipal {
  private final String name;
  private final List<String> roles;
  private final String authType;

  /** {@code authType}: as in the Servlet API, for example {@code FORM}; null for none. */
  public StoredPrincipal(String name, List<String> roles, String authType) {
    this.name = Objects.requireNonNull(name);
    this.roles = List.copyOf(roles);
    this.authType = authType;
  }

  public String name() {
    return name;
  }

  public List<String> roles() {
    return roles;
  }

  /** null: none. */
  public String authType() {
    return authType;
  }

  @Override
  public boolean equals(Object other) {
    if (!(other instanceof StoredPrincipal)) return false;
    StoredPrincipal that = (StoredPrincipal) other;
    return name.equals(that.name) && roles.equals(that.roles) && Objects.equals(authType, that.authType);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, roles, authType);
  }

  @Override
  public String toString() {
    return name + roles;
  }
}
