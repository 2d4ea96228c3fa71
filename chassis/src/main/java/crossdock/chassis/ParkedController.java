package crossdock.chassis;

import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the service's operator looks at what was parked and, once what kept it from being handled
 * is mended, releases it.
 */
@Controller("/operator/parked")
@Requires(bean = Operator.class)
final class ParkedController {
  private static final Logger AUDIT = LoggerFactory.getLogger("crossdock.audit");

  private final Operator operator;
  private final Database database;
  private final Parked parked;
  private final Readers readers;

  ParkedController(Operator operator, Database database, Parked parked, Readers readers) {
    this.operator = operator;
    this.database = database;
    this.parked = parked;
    this.readers = readers;
  }

  @Get
  List<Parked.Row> newest(HttpRequest<?> request) {
    operator.require(request);
    return database.transaction(parked::newest);
  }

  /** It is handled once, or refused again and stays. */
  @Post("/{topic}/{partition}/{position}/release")
  HttpResponse<?> release(HttpRequest<?> request, String topic, int partition, long position) {
    operator.require(request);
    if (!readers.release(topic, partition, position)) {
      throw Problem.NOT_FOUND.because("no such record is parked");
    }
    AUDIT.info("released {}-{}@{}", topic.replaceAll("[^A-Za-z0-9._-]", "?"), partition, position);
    return HttpResponse.noContent();
  }
}
