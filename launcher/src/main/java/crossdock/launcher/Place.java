package crossdock.launcher;

import crossdock.launcher.Preflight.Endpoint;

/**
 * Where everything listens and is found by the others: {@link Ports} of this machine's loopback, or
 * {@link Containers}. Customers find both in the same way.
 */
sealed interface Place extends SitePlace permits Ports, Containers {
  /** What customers use, and only on this machine. */
  Ports published();

  /** What a program listens on that is reached in more than one network. */
  String everywhere();

  Endpoint keycloak();

  @Override
  default String issuer(String realm) {
    return Realms.issuer(this, realm);
  }

  @Override
  default String jwks(String realm) {
    return Realms.jwks(this, realm);
  }
}
