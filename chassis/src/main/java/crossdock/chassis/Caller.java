package crossdock.chassis;

import crossdock.contracts.Subject;
import java.util.Map;

/** Who calls, by the claims of the token that was checked. */
public final class Caller {
  private Caller() {}

  /**
   * The customer.
   *
   * @throws Problem.Thrown UNAUTHENTICATED if the token names nobody
   */
  public static Subject of(Map<String, Object> claims) {
    if (claims.get("iss") instanceof String issuer && claims.get("sub") instanceof String sub) {
      return new Subject(issuer, sub);
    }
    throw Problem.UNAUTHENTICATED.because("the token names nobody");
  }
}
