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
import crossdock.chassis.Trust;
import crossdock.contracts.Refused;
import crossdock.contracts.Subject;
import crossdock.contracts.TrustBundle;
import jakarta.inject.Singleton;
import java.net.MalformedURLException;
import java.net.URL;
import java.text.ParseException;
import java.time.Clock;
import java.util.Date;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The identity providers that the members signed to be each other's: tells whose account a token of
 * theirs is. Thread-safe.
 */
@Singleton
final class ProviderRealms {
  private static final Set<JWSAlgorithm> ALGORITHMS =
      Set.of(JWSAlgorithm.RS256, JWSAlgorithm.PS256, JWSAlgorithm.ES256);
  private static final int LONGEST_TOKEN = 16 << 10;
  private static final int MILLIS = 5_000;

  private final Map<TrustBundle.Realm, DefaultJWTProcessor<SecurityContext>> processors =
      new ConcurrentHashMap<>();
  private final Trust trust;
  private final Clock clock;

  ProviderRealms(Trust trust, Clock clock) {
    this.trust = trust;
    this.clock = clock;
  }

  /**
   * Whose account {@code token} is.
   *
   * @throws Problem.Thrown if the provider is unknown, its keys are out of reach, or the token is
   *     not its own, not for us, or expired
   */
  Subject account(String provider, String token) {
    TrustBundle.Realm realm =
        trust.now().present().stream()
            .filter(member -> member.provider().equals(provider))
            .flatMap(member -> member.realm().stream())
            .findFirst()
            .orElseThrow(
                () ->
                    Problem.UNKNOWN_PROVIDER.because(
                        "No provider " + provider + " tells us its customers."));
    if (token.length() > LONGEST_TOKEN) {
      throw Problem.MALFORMED_REQUEST.because("A token has at most 16384 characters.");
    }
    try {
      JWTClaimsSet claims = processors.computeIfAbsent(realm, this::processor).process(token, null);
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

  private DefaultJWTProcessor<SecurityContext> processor(TrustBundle.Realm realm) {
    JWKSource<SecurityContext> keys =
        JWKSourceBuilder.create(url(realm), new DefaultResourceRetriever(MILLIS, MILLIS, 1 << 20))
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

  private static URL url(TrustBundle.Realm realm) {
    try {
      return realm.jwks().toURL();
    } catch (MalformedURLException e) {
      throw Problem.UNAVAILABLE.because("The keys of " + realm.issuer() + " are nowhere.");
    }
  }
}
