package crossdock.launcher;

import crossdock.launcher.Preflight.Endpoint;

/**
 * Where everything listens and is found by the others: {@link Ports} of this machine's loopback, or
 * {@link Containers}. Customers find both in the same way.
 */
sealed interface Place permits Ports, Containers {
  /** What customers use, and only on this machine. */
  Ports published();

  /** What a program listens on that is reached in more than one network. */
  String everywhere();

  /** Where a service answers customers, and says how it is. */
  Endpoint plain(Services.Service service);

  /** Where a service of a site answers other parties, in one of the site's two subnets. */
  Endpoint mutual(Services.Service service);

  Endpoint postgres();

  Endpoint kafka();

  Endpoint keycloak();

  /** What a program has to read instead of a text that names files of the state directory. */
  String seen(String text);
}
