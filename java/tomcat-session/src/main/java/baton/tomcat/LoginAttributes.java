package baton.tomcat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * Attributes by which an application shows that somebody logs in, where no login of Tomcat's and no new id says so. Those of
 * frameworks are known; the names are their documented ones, and do not change as long as sessions outlive a release of them.
 */
final class LoginAttributes {
  private static final String SPRING = "org.springframework.security.";

  /** Who is logged in: Spring Security, Shiro. */
  private final Set<String> ofUsers =
      new HashSet<>(
          Set.of(
              "SPRING_SECURITY_CONTEXT",
              "org.apache.shiro.subject.support.DefaultSubjectContext_PRINCIPALS_SESSION_KEY"));

  /** What a login page or an identity provider is to bring back, and the page that was asked for. */
  private final Set<String> ofLoginPages =
      new HashSet<>(
          Set.of(
              SPRING + "web.csrf.HttpSessionCsrfTokenRepository.CSRF_TOKEN",
              SPRING + "oauth2.client.web.HttpSessionOAuth2AuthorizationRequestRepository.AUTHORIZATION_REQUEST",
              SPRING
                  + "saml2.provider.service.web.HttpSessionSaml2AuthenticationRequestRepository.SAML2_AUTHN_REQUEST",
              "SPRING_SECURITY_SAVED_REQUEST",
              "shiroSavedRequest"));

  /** {@code names}: separated by commas. */
  void addOfUsers(String names) {
    ofUsers.addAll(list(names));
  }

  /** {@code names}: separated by commas. */
  void addOfLoginPages(String names) {
    ofLoginPages.addAll(list(names));
  }

  /** Whether setting it means that somebody is logged in now. */
  boolean areOfUsers(String name) {
    return ofUsers.contains(name);
  }

  /** Whether setting it means that somebody is asked to log in. */
  boolean areOfLoginPages(String name) {
    return ofLoginPages.contains(name);
  }

  private static Set<String> list(String names) {
    Set<String> list = new HashSet<>(Arrays.asList(names.trim().split("\\s*,\\s*")));
    list.remove("");
    return list;
  }
}
