package crossdock.conversion;

import crossdock.chassis.Identity;
import crossdock.chassis.MutualTls;
import crossdock.chassis.Trust;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.DiskTicket;
import crossdock.site.Tickets;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
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
  private final Path root;
  private final long largest;

  Sites(
      Identity identity,
      Trust trust,
      MutualTls tls,
      @Value("${crossdock.site.root}") Path root,
      @Value("${crossdock.disk.largest:70368744177664}") long largest) {
    Party.Site site = (Party.Site) identity.party();
    this.own =
        trust
            .now()
            .site(site.id())
            .orElseThrow(() -> new Refused(site + " is not in the trust bundle"));
    this.client = tls.client(site.urn());
    this.root = root.toAbsolutePath().normalize();
    this.largest = largest;
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
    return switch (ticket) {
      case DiskTicket.Image image ->
          Disks.openSource(inside(image.path()), DiskFormat.fromWire(image.format()), largest);
      case DiskTicket.Export export -> Disks.openNbd(inside(export.socket()), export.export());
    };
  }

  /**
   * Opens a place for a disk.
   *
   * @throws java.nio.file.FileAlreadyExistsException if it has been finished before
   */
  DiskSink sink(DiskTicket ticket) throws IOException {
    return switch (ticket) {
      case DiskTicket.Image image ->
          Disks.createSink(
              inside(image.path()), DiskFormat.fromWire(image.format()), image.virtualBytes());
      case DiskTicket.Export _ -> throw new IOException("an export is not for writing");
    };
  }

  /** Even our own site's ticket opens nothing outside its directory. */
  private Path inside(String relative) throws IOException {
    Path path = root.resolve(relative).normalize();
    if (!path.startsWith(root) || path.equals(root)) {
      throw new IOException("a ticket that leads out of the site's directory");
    }
    Path parent = path.getParent();
    if (parent != null && !parent.toRealPath().startsWith(root.toRealPath())) {
      throw new IOException("a ticket that leads out of the site's directory");
    }
    return path;
  }
}
