package crossdock.gateway;

import io.micronaut.context.ApplicationContextBuilder;
import io.micronaut.context.ApplicationContextConfigurer;
import io.micronaut.context.annotation.ContextConfigurer;
import io.micronaut.context.env.PropertySource;
import java.util.Map;

/**
 * What is the same in every gateway, beside what the chassis sets for every service: who may call.
 * Any configuration file overrides it.
 */
@ContextConfigurer
public final class Settings implements ApplicationContextConfigurer {
  private static final int BELOW_FILES = -250;

  @Override
  public void configure(ApplicationContextBuilder builder) {
    builder.propertySources(
        PropertySource.of(
            "gateway",
            Map.of(
                "micronaut.security.token.jwt.signatures.jwks.keycloak.url",
                "${crossdock.oidc.jwks}",
                "micronaut.security.token.jwt.claims-validators.issuer",
                "${crossdock.oidc.issuer}",
                "micronaut.security.token.jwt.claims-validators.audience",
                "${crossdock.oidc.audience}",
                "micronaut.security.redirect.enabled",
                "false"),
            BELOW_FILES));
  }
}
