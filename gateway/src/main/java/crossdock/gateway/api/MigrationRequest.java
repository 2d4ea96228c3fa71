package crossdock.gateway.api;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import crossdock.chassis.Problem;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Money;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import java.io.IOException;

/**
 * What a customer asks for; every field must be there.
 *
 * @param mode cold or copy
 * @param accept automatic or manual
 */
record MigrationRequest(
    String vm,
    SiteId source,
    SiteId target,
    String mode,
    String accept,
    Money limit,
    boolean eraseSource) {
  private static final ObjectReader STRICT =
      Json.mapper()
          .readerFor(MigrationRequest.class)
          .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  /** Unlike on the wire between services, an unknown field is refused: it may be a misspelt one. */
  static MigrationRequest read(byte[] json) {
    MigrationRequest request;
    try {
      request = STRICT.readValue(json);
    } catch (IOException e) {
      throw Problem.MALFORMED_REQUEST.because(
          e.getCause() instanceof Refused refused
              ? String.valueOf(refused.getMessage())
              : String.valueOf(e.getMessage()).lines().findFirst().orElse("not JSON"));
    }
    if (request == null) {
      throw Problem.MALFORMED_REQUEST.because("null is no request");
    }
    return request;
  }

  Fact.Requested by(Subject caller) {
    return new Fact.Requested(
        caller,
        source,
        vm,
        target,
        switch (mode) {
          case "cold" -> Fact.Mode.COLD;
          case "copy" -> Fact.Mode.COPY;
          default -> throw new Refused("mode is cold or copy");
        },
        switch (accept) {
          case "automatic" -> Fact.Acceptance.AUTOMATIC;
          case "manual" -> Fact.Acceptance.MANUAL;
          default -> throw new Refused("accept is automatic or manual");
        },
        limit,
        eraseSource);
  }
}
