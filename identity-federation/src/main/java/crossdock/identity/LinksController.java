package crossdock.identity;

import com.fasterxml.jackson.databind.DeserializationFeature;
import crossdock.chassis.Caller;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.Status;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.rules.SecurityRule;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A customer's own links. A link is proven by a token of the provider's own realm. */
@Controller("/v1/links")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class LinksController {
  private static final Logger LOG = LoggerFactory.getLogger(LinksController.class);

  private final Links links;
  private final ProviderRealms realms;
  private final Clock clock;

  LinksController(Links links, ProviderRealms realms, Clock clock) {
    this.links = links;
    this.realms = realms;
    this.clock = clock;
  }

  /**
   * @param token an access token of the provider's realm, not the broker's
   */
  record Proof(String provider, String token) {}

  /** A link as its owner sees it. */
  record View(String provider, String issuer, String sub, Instant linkedAt) {
    static View of(Links.Link link) {
      return new View(
          link.provider(), link.account().issuer(), link.account().sub(), link.linkedAt());
    }
  }

  @Post
  @Consumes(MediaType.APPLICATION_JSON)
  @Produces(MediaType.APPLICATION_JSON)
  HttpResponse<byte[]> prove(Authentication caller, @Body byte[] body) {
    Proof proof = read(body);
    Links.Link link =
        new Links.Link(
            proof.provider(),
            realms.account(proof.provider(), proof.token()),
            clock.instant().truncatedTo(ChronoUnit.MICROS));
    links.prove(Caller.of(caller.getAttributes()), link);
    return HttpResponse.ok(Json.bytes(View.of(link)));
  }

  @Get
  @Produces(MediaType.APPLICATION_JSON)
  byte[] all(Authentication caller) {
    List<View> views = links.of(Caller.of(caller.getAttributes())).stream().map(View::of).toList();
    return Json.bytes(views);
  }

  @Delete("/{provider}")
  @Status(HttpStatus.NO_CONTENT)
  void remove(Authentication caller, String provider) {
    if (!links.remove(Caller.of(caller.getAttributes()), provider)) {
      throw Problem.NOT_FOUND.because("You have no link at " + provider + ".");
    }
  }

  /**
   * Unlike an event's, a request's unknown fields are refused: the caller means something by them.
   */
  private static Proof read(byte[] body) {
    try {
      Proof proof =
          Json.mapper()
              .readerFor(Proof.class)
              .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
              .readValue(body);
      if (proof != null) {
        return proof;
      }
    } catch (IOException e) {
      LOG.debug("no proof of a link", e);
    }
    throw Problem.MALFORMED_REQUEST.because(
        "The body is {\"provider\": name, \"token\": access token} and nothing else.");
  }
}
