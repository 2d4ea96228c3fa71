package crossdock.chassis;

import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

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
    TrustBundle trust(
        @Value("${crossdock.trust.bundle}") Path bundle,
        @Value("${crossdock.trust.members}") Path members,
        @Value("${crossdock.work}") Path work,
        Clock clock)
        throws IOException {
      Path seen = work.resolve("trust-version");
      long known = Files.exists(seen) ? Long.parseLong(Files.readString(seen).trim()) : 0;
      List<Envelope> signed = List.of(Json.read(Files.readAllBytes(bundle), Envelope[].class));
      TrustBundle accepted = TrustBundle.accept(signed, pinned(members), known, clock.instant());
      Files.createDirectories(work);
      // Whole or not at all: half a number would be another one, or none.
      Path next = Files.writeString(work.resolve("trust-version.new"), accepted.version() + "\n");
      Files.move(next, seen, StandardCopyOption.ATOMIC_MOVE);
      return accepted;
    }

    @Singleton
    SigningKey signingKey(
        @Value("${crossdock.signing.key}") Path key,
        @Value("${crossdock.signing.certificate}") Path certificate)
        throws IOException {
      return SigningKey.load(key, certificate);
    }

    private static List<X509Certificate> pinned(Path members) throws IOException {
      List<X509Certificate> pinned = new ArrayList<>();
      try (Stream<Path> files = Files.list(members)) {
        for (Path file : files.filter(file -> file.toString().endsWith(".pem")).sorted().toList()) {
          pinned.add(
              (X509Certificate)
                  CertificateFactory.getInstance("X.509")
                      .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file))));
        }
      } catch (CertificateException e) {
        throw new IOException("a pinned member is no certificate", e);
      }
      return pinned;
    }
  }
}
