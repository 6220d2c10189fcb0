package baton.tomcat;

import baton.tomcat.format.StoredPrincipal;
import java.security.Principal;
import java.util.Arrays;
import java.util.List;
import org.apache.catalina.realm.GenericPrincipal;

/** Tomcat's principals, and what all nodes know of them: name, roles and how they logged in. */
final class Principals {
  private Principals() {}

  /** null: nobody. Of a principal that a realm of one's own has made and Tomcat does not know, only the name is shared. */
  static StoredPrincipal stored(Principal principal, String authType) {
    if (principal == null) return null;
    List<String> roles =
        principal instanceof GenericPrincipal ? Arrays.asList(((GenericPrincipal) principal).getRoles()) : List.of();
    return new StoredPrincipal(principal.getName(), roles, authType);
  }

  static Principal shown(StoredPrincipal stored) {
    if (stored == null) return null;
    String name = stored.name();
    List<String> roles = stored.roles();
    return new GenericPrincipal(name, roles);
  }
}
