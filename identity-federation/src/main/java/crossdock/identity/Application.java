package crossdock.identity;

import crossdock.chassis.Desk;
import crossdock.contracts.Step;
import io.micronaut.context.annotation.Context;
import io.micronaut.runtime.Micronaut;
import java.util.Map;

/** Identity federation: knows which accounts at the providers are one customer's. */
@Context
public final class Application {
  /**
   * Bearer tokens are the broker's realm's own: its signature, its issuer, our audience. Set here
   * and not where it runs: a deployment's file does not replace them.
   */
  static final Map<String, Object> SECURITY =
      Map.of(
          "micronaut.security.token.jwt.signatures.jwks.broker.url",
          "${crossdock.oidc.jwks}",
          "micronaut.security.token.jwt.claims-validators.issuer",
          "${crossdock.oidc.issuer}",
          "micronaut.security.token.jwt.claims-validators.audience",
          "${crossdock.oidc.audience}");

  Application(Desk desk, Authorizing authorizing) {
    desk.open("desk", Map.of(Step.AUTHORIZE, authorizing));
  }

  /** Starts the service. */
  public static void main(String[] args) {
    Micronaut.build(args).mainClass(Application.class).properties(SECURITY).start();
  }
}
