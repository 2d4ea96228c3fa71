package crossdock.gateway.api;

import crossdock.chassis.Caller;
import crossdock.chassis.Database;
import crossdock.chassis.Problem;
import crossdock.chassis.Trust;
import crossdock.contracts.Bundle;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import crossdock.gateway.log.MigrationLog;
import crossdock.gateway.log.Story;
import io.micronaut.core.io.buffer.ByteBuffer;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Header;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.rules.SecurityRule;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.reactivestreams.Publisher;

/** A customer's migrations. What is somebody else's does not exist here. */
@Controller("/v1/migrations")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class MigrationsController {
  private static final int PAGE = 50;
  private static final int LONGEST_PAGE = 200;

  private final Database database;
  private final MigrationLog log;
  private final Trust trust;
  private final EventStream stream;

  MigrationsController(Database database, MigrationLog log, Trust trust, EventStream stream) {
    this.database = database;
    this.log = log;
    this.trust = trust;
    this.stream = stream;
  }

  @Post
  HttpResponse<byte[]> request(
      @Header("Idempotency-Key") Optional<String> key,
      @Body byte[] body,
      Authentication authentication) {
    Subject caller = Caller.of(authentication.getAttributes());
    MigrationId id = MigrationId.of(caller, key(key));
    Fact.Requested requested = MigrationRequest.read(body).by(caller);
    listed(requested.source());
    listed(requested.target());
    if (!database.transaction(tx -> log.request(tx, id, Json.digest(requested), requested))) {
      throw Problem.IDEMPOTENCY_KEY_REUSED.because("this key stands for another request");
    }
    return HttpResponse.<byte[]>accepted(URI.create("/v1/migrations/" + id))
        .contentType(MediaType.APPLICATION_JSON_TYPE)
        .body(Json.bytes(MigrationResource.of(mine(id.value(), authentication))));
  }

  /**
   * @param nextPageToken absent on the last page
   */
  private record Page(List<MigrationResource> items, Optional<MigrationId> nextPageToken) {}

  @Get
  byte[] all(
      @QueryValue Optional<String> pageSize,
      @QueryValue Optional<String> pageToken,
      Authentication authentication) {
    Subject caller = Caller.of(authentication.getAttributes());
    int size = pageSize.map(MigrationsController::size).orElse(PAGE);
    Optional<MigrationId> after = pageToken.map(token -> mine(token, authentication).id());
    List<Story> stories = database.transaction(tx -> log.stories(tx, caller, after, size + 1));
    List<Story> page = stories.subList(0, Math.min(size, stories.size()));
    return Json.bytes(
        new Page(
            page.stream().map(MigrationResource::of).toList(),
            stories.size() > size ? Optional.of(page.getLast().id()) : Optional.empty()));
  }

  @Get("/{id}")
  byte[] one(String id, Authentication authentication) {
    return Json.bytes(MigrationResource.of(mine(id, authentication)));
  }

  @Post("/{id}:cancel")
  HttpResponse<byte[]> cancel(String id, Authentication authentication) {
    Story story = mine(id, authentication);
    if (!database.transaction(tx -> log.cancel(tx, story.id()))) {
      throw Problem.TOO_LATE.because("the migration is accepted: nothing is undone any more");
    }
    return changed(id, authentication);
  }

  @Post("/{id}:accept")
  HttpResponse<byte[]> accept(String id, Authentication authentication) {
    Story story = mine(id, authentication);
    if (!database.transaction(tx -> log.accept(tx, story.id()))) {
      throw Problem.TOO_LATE.because("nobody waits for an acceptance in state " + story.state());
    }
    return changed(id, authentication);
  }

  @Get("/{id}/certificate")
  HttpResponse<byte[]> certificate(String id, Authentication authentication) {
    return mine(id, authentication)
        .migration()
        .latest(Fact.Certified.class)
        .map(
            certified ->
                HttpResponse.ok(Json.bytes(certified.certificate()))
                    .contentType(MediaType.of(Bundle.MEDIA_TYPE)))
        .orElseThrow(() -> Problem.NOT_FOUND.because("nothing is certified yet"));
  }

  @Get("/{id}/statement")
  byte[] statement(String id, Authentication authentication) {
    Story story = mine(id, authentication);
    return story
        .migration()
        .latest(Fact.Settled.class)
        .map(settled -> Json.bytes(StatementResource.of(story.id(), settled.statement())))
        .orElseThrow(() -> Problem.NOT_FOUND.because("nothing is settled yet"));
  }

  /** Every event in the bytes that its successor's hash is made of. */
  @Get("/{id}/evidence")
  byte[] evidence(String id, Authentication authentication) {
    List<byte[]> events = mine(id, authentication).bytes();
    ByteArrayOutputStream array = new ByteArrayOutputStream();
    char before = '[';
    for (byte[] event : events) {
      array.write(before);
      array.writeBytes(event);
      before = ',';
    }
    array.write(']');
    return array.toByteArray();
  }

  @Get("/{id}/events")
  @Produces(MediaType.TEXT_EVENT_STREAM)
  HttpResponse<Publisher<ByteBuffer<?>>> events(
      String id, @Header("Last-Event-ID") Optional<String> last, Authentication authentication) {
    Story story = mine(id, authentication);
    long after = last.map(MigrationsController::sequence).orElse(0L);
    if (story.migration().ended() && after >= story.bytes().size()) {
      return HttpResponse.noContent();
    }
    return HttpResponse.<Publisher<ByteBuffer<?>>>ok(stream.of(story.id(), after))
        .contentType(MediaType.TEXT_EVENT_STREAM_TYPE)
        .header(HttpHeaders.CACHE_CONTROL, "no-store");
  }

  private HttpResponse<byte[]> changed(String id, Authentication authentication) {
    return HttpResponse.<byte[]>accepted()
        .contentType(MediaType.APPLICATION_JSON_TYPE)
        .body(Json.bytes(MigrationResource.of(mine(id, authentication))));
  }

  private Story mine(String id, Authentication authentication) {
    Subject caller = Caller.of(authentication.getAttributes());
    return parse(id)
        .flatMap(parsed -> database.transaction(tx -> log.story(tx, parsed)))
        .filter(story -> story.caller().equals(caller))
        .orElseThrow(() -> Problem.NOT_FOUND.because("you have no such migration"));
  }

  private static Optional<MigrationId> parse(String id) {
    try {
      return Optional.of(new MigrationId(id));
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  private void listed(SiteId site) {
    if (trust.now().site(site).isEmpty()) {
      throw Problem.UNKNOWN_PROVIDER.because(site + " is not listed");
    }
  }

  /** Bare or as a quoted string: the draft of the header has it quoted, most clients do not. */
  private static String key(Optional<String> header) {
    String given =
        header
            .map(String::strip)
            .filter(key -> !key.isEmpty())
            .orElseThrow(
                () ->
                    Problem.IDEMPOTENCY_KEY_MISSING.because(
                        "say which request this is, so that it can be sent again"));
    boolean quoted = given.length() >= 2 && given.startsWith("\"") && given.endsWith("\"");
    String key = quoted ? given.substring(1, given.length() - 1) : given;
    if (key.isEmpty()
        || key.length() > 128
        || !key.chars().allMatch(c -> c > ' ' && c < 127 && c != '"' && c != '\\')) {
      throw Problem.MALFORMED_REQUEST.because(
          "an Idempotency-Key has 1 to 128 visible ASCII characters");
    }
    return key;
  }

  private static int size(String pageSize) {
    int size = pageSize.matches("[0-9]{1,3}") ? Integer.parseInt(pageSize) : 0;
    if (size < 1 || size > LONGEST_PAGE) {
      throw Problem.MALFORMED_REQUEST.because("pageSize is 1 to " + LONGEST_PAGE);
    }
    return size;
  }

  private static long sequence(String last) {
    if (!last.matches("[0-9]{1,9}")) {
      throw Problem.MALFORMED_REQUEST.because("Last-Event-ID is an event's sequence");
    }
    return Long.parseLong(last);
  }
}
