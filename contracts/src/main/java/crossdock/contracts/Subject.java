package crossdock.contracts;

/**
 * Who somebody is at one identity provider.
 *
 * @param issuer the {@code iss} of their tokens
 * @param sub the {@code sub} of their tokens
 */
public record Subject(String issuer, String sub) {
  public Subject {
    if (issuer.isBlank() || issuer.length() > 256 || sub.isBlank() || sub.length() > 256) {
      throw new Refused("a subject is an issuer and a sub, each of 1 to 256 characters");
    }
  }
}
