package crossdock.launcher;

import crossdock.launcher.Preflight.Endpoint;

/** What a site's services need to know of where they and others are. */
sealed interface SitePlace permits Place, JoiningSite.Elsewhere {
  /** Where a service answers customers, and says how it is. */
  Endpoint plain(Services.Service service);

  /** Where a service of a site answers other parties, in one of the site's two subnets. */
  Endpoint mutual(Services.Service service);

  Endpoint postgres();

  Endpoint kafka();

  /** Whose tokens a provider's customers hold. */
  String issuer(String realm);

  /** Where the keys of those are. */
  String jwks(String realm);

  /** What a program has to read instead of a text that names files of the state directory. */
  String seen(String text);
}
