package crossdock.gateway.api;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import crossdock.contracts.Bandwidth;
import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Money;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import java.util.List;
import java.util.Optional;

/**
 * What a customer asks for; every field but the last three must be there.
 *
 * @param mode cold or copy
 * @param accept automatic or manual
 * @param waived codes of concerns that the customer takes the risk of
 * @param choices what the customer has chosen at the target
 */
record MigrationRequest(
    String vm,
    SiteId source,
    SiteId target,
    String mode,
    String accept,
    Money limit,
    boolean eraseSource,
    Optional<Bandwidth> bandwidth,
    @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> waived,
    Optional<Choices> choices) {

  static MigrationRequest read(byte[] json) {
    return RequestBody.read(json, MigrationRequest.class);
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
        eraseSource,
        bandwidth,
        waived,
        choices);
  }
}
