package crossdock.chassis;

import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/**
 * Who runs the service, known by the secret that it was set up with; a service without one has no
 * operator. What is for operators is on the plain listener, which no customer reaches unless
 * somebody leads them there, and needs no token. Thread-safe.
 */
@Singleton
@Requires(property = "crossdock.operator.secret")
public final class Operator {
  /** The request's header that shows the secret. */
  public static final String HEADER = "Crossdock-Operator";

  private final byte[] secret;

  Operator(@Value("${crossdock.operator.secret}") String secret) {
    if (secret.length() < 16) {
      throw new IllegalArgumentException("an operator's secret has at least 16 characters");
    }
    this.secret = secret.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Lets a request pass that shows the secret.
   *
   * @throws Problem.Thrown FORBIDDEN otherwise
   */
  public void require(HttpRequest<?> request) {
    String shown = request.getHeaders().get(HEADER);
    if (shown == null || !MessageDigest.isEqual(secret, shown.getBytes(StandardCharsets.UTF_8))) {
      throw Problem.FORBIDDEN.because("this is for the operator");
    }
  }
}
