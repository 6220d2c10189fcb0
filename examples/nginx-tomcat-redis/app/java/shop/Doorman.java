package shop;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import javax.security.auth.Subject;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.FailedLoginException;
import javax.security.auth.login.LoginException;
import javax.security.auth.spi.LoginModule;

/** Who may log in: everybody who knows the password. Named in jaas.config, for the realm of META-INF/context.xml. */
public final class Doorman implements LoginModule {
  static final String PASSWORD = "shop";

  private Subject subject;
  private CallbackHandler caller;
  private String name;

  @Override
  public void initialize(Subject subject, CallbackHandler caller, Map<String, ?> shared, Map<String, ?> options) {
    this.subject = subject;
    this.caller = caller;
  }

  @Override
  public boolean login() throws LoginException {
    NameCallback asked = new NameCallback("name");
    PasswordCallback password = new PasswordCallback("password", false);
    try {
      caller.handle(new Callback[] {asked, password});
    } catch (IOException | UnsupportedCallbackException error) {
      throw new LoginException(error.getMessage());
    }
    char[] typed = password.getPassword();
    if (typed == null || !PASSWORD.equals(new String(typed))) throw new FailedLoginException();
    name = asked.getName();
    if (name == null || name.isEmpty() || name.length() > 64) throw new FailedLoginException();
    return true;
  }

  @Override
  public boolean commit() {
    subject.getPrincipals().addAll(Set.of(new User(name), new Role("customer")));
    return true;
  }

  @Override
  public boolean abort() {
    return true;
  }

  @Override
  public boolean logout() {
    subject.getPrincipals().clear();
    return true;
  }
}
