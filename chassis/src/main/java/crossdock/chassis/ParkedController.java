package crossdock.chassis;

import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the service's operator looks at what was parked and, once what kept it from being handled
 * is mended, releases it. Operators show the secret that the service was set up with; a service
 * without one has no operators. It is on the plain listener, which no customer reaches unless
 * somebody leads them there, and needs no token.
 */
@Controller("/operator/parked")
@Requires(property = "crossdock.operator.secret")
final class ParkedController {
  static final String HEADER = "Crossdock-Operator";

  private static final Logger AUDIT = LoggerFactory.getLogger("crossdock.audit");

  private final byte[] secret;
  private final Database database;
  private final Parked parked;
  private final Readers readers;

  ParkedController(
      @Value("${crossdock.operator.secret}") String secret,
      Database database,
      Parked parked,
      Readers readers) {
    if (secret.length() < 16) {
      throw new IllegalArgumentException("an operator's secret has at least 16 characters");
    }
    this.secret = secret.getBytes(StandardCharsets.UTF_8);
    this.database = database;
    this.parked = parked;
    this.readers = readers;
  }

  @Get
  List<Parked.Row> newest(HttpRequest<?> request) {
    require(request);
    return database.transaction(parked::newest);
  }

  /** It is handled once, or refused again and stays. */
  @Post("/{topic}/{partition}/{position}/release")
  HttpResponse<?> release(HttpRequest<?> request, String topic, int partition, long position) {
    require(request);
    if (!readers.release(topic, partition, position)) {
      throw Problem.NOT_FOUND.because("no such record is parked");
    }
    AUDIT.info("released {}-{}@{}", topic.replaceAll("[^A-Za-z0-9._-]", "?"), partition, position);
    return HttpResponse.noContent();
  }

  private void require(HttpRequest<?> request) {
    String shown = request.getHeaders().get(HEADER);
    if (shown == null || !MessageDigest.isEqual(secret, shown.getBytes(StandardCharsets.UTF_8))) {
      throw Problem.FORBIDDEN.because("this is for the operator");
    }
  }
}
