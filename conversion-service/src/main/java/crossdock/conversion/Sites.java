package crossdock.conversion;

import crossdock.chassis.Identity;
import crossdock.chassis.MutualTls;
import crossdock.chassis.Trust;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.DiskTicket;
import crossdock.providers.disks.TicketDisks;
import crossdock.site.Tickets;
import io.micronaut.context.annotation.Value;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;

/**
 * The site that this dock belongs to: its tickets, fetched over mutual TLS, and the disks that they
 * open.
 */
@Singleton
final class Sites {
  private final TrustBundle.Site own;
  private final HttpClient client;
  private final TicketDisks disks;

  Sites(
      Identity identity,
      Trust trust,
      MutualTls tls,
      Clock clock,
      @Value("${crossdock.site.root}") Path root,
      @Value("${crossdock.work}") Path work,
      @Value("${crossdock.disk.largest:70368744177664}") long largest) {
    Party.Site site = (Party.Site) identity.party();
    this.own =
        trust
            .now()
            .site(site.id())
            .orElseThrow(() -> new Refused(site + " is not in the trust bundle"));
    this.client = tls.client(site.urn());
    this.disks = new TicketDisks(root, largest, RawContent.NOT_AN_IMAGE, clock);
  }

  Party.Site party() {
    return own.urn();
  }

  /**
   * The tickets of a migration for one purpose.
   *
   * @return empty if there are none (any more)
   */
  List<DiskTicket> tickets(MigrationId migration, Tickets.Purpose purpose)
      throws IOException, InterruptedException {
    URI service = purpose == Tickets.Purpose.READ ? own.export() : own.imports();
    HttpRequest request =
        HttpRequest.newBuilder(service.resolve("/v1/tickets/" + migration + "/" + purpose.wire()))
            .timeout(Duration.ofSeconds(10))
            .build();
    HttpResponse<byte[]> response = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
    return switch (response.statusCode()) {
      case 200 -> List.of(Json.read(response.body(), DiskTicket[].class));
      case 404 -> List.of();
      default -> throw new IOException("tickets: HTTP " + response.statusCode());
    };
  }

  /** Opens a disk for reading, after its format has been found safe. */
  DiskSource source(DiskTicket ticket) throws IOException {
    return disks.source(ticket);
  }

  /**
   * Opens a place for a disk.
   *
   * @throws java.nio.file.FileAlreadyExistsException if it has been finished before
   */
  DiskSink sink(DiskTicket ticket) throws IOException {
    return disks.sink(ticket);
  }

  /**
   * Writes all of a disk to a place that takes it in one piece.
   *
   * @throws java.nio.file.FileAlreadyExistsException if it has been finished before
   */
  void put(DiskTicket ticket, DiskSource disk) throws IOException {
    disks.put(ticket, disk);
  }

  /** Gives up what lies here of an unfinished disk. */
  void abandon(DiskTicket ticket) throws IOException {
    disks.abandon(ticket);
  }

  @PreDestroy
  void close() {
    disks.close();
  }
}
