package crossdock.gateway.partner;

import crossdock.chassis.Problem;
import crossdock.contracts.Refused;
import io.micronaut.security.authentication.Authentication;

/**
 * Somebody with whom customers may share their migrations.
 *
 * @param name as the broker's identity provider has it in the claim {@code partner} of the
 *     partner's own client; nobody gives it to themselves
 */
record Partner(String name) {
  Partner {
    if (!name.matches("[a-z0-9][a-z0-9-]{0,31}")) {
      throw new Refused("a partner's name has 1 to 32 of a-z, 0-9 and -");
    }
  }

  /**
   * Who calls.
   *
   * @throws Problem.Thrown FORBIDDEN if the token is no partner's
   */
  static Partner of(Authentication authentication) {
    if (authentication.getAttributes().get("partner") instanceof String name) {
      return new Partner(name);
    }
    throw Problem.FORBIDDEN.because("this token is no partner's");
  }
}
