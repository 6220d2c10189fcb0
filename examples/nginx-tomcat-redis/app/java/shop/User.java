package shop;

import java.security.Principal;

/** What {@link Doorman} says of who has logged in. */
public final class User implements Principal {
  private final String name;

  User(String name) {
    this.name = name;
  }

  @Override
  public String getName() {
    return name;
  }
}
