package crossdock.identity;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.source.RateLimitReachedException;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.contracts.Subject;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Clock;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The identity providers of the members: tells whose account a token of theirs is. Thread-safe. */
@Singleton
final class ProviderRealms {
  private static final Set<JWSAlgorithm> ALGORITHMS =
      Set.of(JWSAlgorithm.RS256, JWSAlgorithm.PS256, JWSAlgorithm.ES256);
  private static final int LONGEST_TOKEN = 16 << 10;
  private static final int MILLIS = 5_000;

  /**
   * @param provider as in its sites' names
   * @param issuer the {@code iss} of its tokens
   * @param jwks where its keys are
   * @param audience what a token that proves a link must be for
   */
  record Realm(String provider, String issuer, URI jwks, String audience) {}

  private final Map<String, DefaultJWTProcessor<SecurityContext>> realms = new HashMap<>();

  @Inject
  ProviderRealms(@Value("${crossdock.identity.providers}") Path file, Clock clock)
      throws IOException {
    this(List.of(Json.read(Files.readAllBytes(file), Realm[].class)), clock);
  }

  ProviderRealms(List<Realm> realms, Clock clock) throws IOException {
    for (Realm realm : realms) {
      if (this.realms.put(realm.provider(), processor(realm, clock)) != null) {
        throw new Refused("two realms of " + realm.provider());
      }
    }
  }

  /**
   * Whose account {@code token} is.
   *
   * @throws Problem.Thrown if the provider is unknown, its keys are out of reach, or the token is
   *     not its own, not for us, or expired
   */
  Subject account(String provider, String token) {
    DefaultJWTProcessor<SecurityContext> realm = realms.get(provider);
    if (realm == null) {
      throw Problem.UNKNOWN_PROVIDER.because("No provider " + provider + " is listed.");
    }
    if (token.length() > LONGEST_TOKEN) {
      throw Problem.MALFORMED_REQUEST.because("A token has at most 16384 characters.");
    }
    try {
      JWTClaimsSet claims = realm.process(token, null);
      return new Subject(claims.getIssuer(), claims.getSubject());
    } catch (ParseException e) {
      throw Problem.MALFORMED_REQUEST.because("The token is no JSON Web Token.");
    } catch (RateLimitReachedException e) {
      // its keys were asked for moments ago, and forged key ids must not make us ask again
      throw Problem.FORBIDDEN.because("The token is signed by no key of " + provider + ".");
    } catch (KeySourceException e) {
      throw Problem.UNAVAILABLE.because("The keys of " + provider + " cannot be had now.");
    } catch (BadJOSEException | JOSEException | Refused e) {
      throw Problem.FORBIDDEN.because(
          "The token does not prove an account at " + provider + ": " + e.getMessage());
    }
  }

  private static DefaultJWTProcessor<SecurityContext> processor(Realm realm, Clock clock)
      throws IOException {
    JWKSource<SecurityContext> keys =
        JWKSourceBuilder.create(
                realm.jwks().toURL(), new DefaultResourceRetriever(MILLIS, MILLIS, 1 << 20))
            .retrying(true)
            .build();
    DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
    processor.setJWSTypeVerifier(
        new DefaultJOSEObjectTypeVerifier<>(
            JOSEObjectType.JWT, new JOSEObjectType("at+jwt"), null));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(ALGORITHMS, keys));
    processor.setJWTClaimsSetVerifier(
        new DefaultJWTClaimsVerifier<>(
            realm.audience(),
            new JWTClaimsSet.Builder().issuer(realm.issuer()).build(),
            Set.of("sub", "exp", "iat")) {
          @Override
          protected Date currentTime() {
            return Date.from(clock.instant());
          }
        });
    return processor;
  }
}
