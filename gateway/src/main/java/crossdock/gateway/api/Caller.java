package crossdock.gateway.api;

import crossdock.chassis.Problem;
import crossdock.contracts.Subject;
import io.micronaut.security.authentication.Authentication;

/** Who calls, by the token that was checked. */
public final class Caller {
  private Caller() {}

  /** The customer. */
  public static Subject of(Authentication authentication) {
    if (authentication.getAttributes().get("iss") instanceof String issuer
        && authentication.getAttributes().get("sub") instanceof String sub) {
      return new Subject(issuer, sub);
    }
    throw Problem.UNAUTHENTICATED.because("the token names nobody");
  }
}
