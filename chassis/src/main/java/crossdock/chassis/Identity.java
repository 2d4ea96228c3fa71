package crossdock.chassis;

import crossdock.contracts.Party;
import crossdock.contracts.SigningKey;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;

/**
 * Who this service is.
 *
 * @param party whose reports it makes, or whose dock it is
 */
public record Identity(Party party) {

  /** Makes what a party is and has from its configuration. */
  @Factory
  static final class FromConfiguration {
    @Singleton
    Identity identity(@Value("${crossdock.party}") String urn) {
      String party =
          urn.endsWith(":dock") ? urn.substring(0, urn.length() - ":dock".length()) : urn;
      return new Identity(Party.parse(party));
    }

    @Bean
    @Singleton
    Clock clock() {
      return Clock.systemUTC();
    }

    @Singleton
    SigningKey signingKey(
        @Value("${crossdock.signing.key}") Path key,
        @Value("${crossdock.signing.certificate}") Path certificate)
        throws IOException {
      return SigningKey.load(key, certificate);
    }
  }
}
