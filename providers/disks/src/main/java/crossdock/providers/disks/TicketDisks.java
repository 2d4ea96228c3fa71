package crossdock.providers.disks;

import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens what a ticket is for, and nothing else. Thread-safe. */
public final class TicketDisks implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TicketDisks.class);

  private final Path root;
  private final Path spool;
  private final long largest;
  private final RawContent rawContent;
  private final Clock clock;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(10))
          .build();
  private final Map<DiskTicket.Access, Tokens> tokens = new ConcurrentHashMap<>();

  /**
   * @param root the directory that tickets with paths lead into
   * @param spool where a disk is gathered that its cloud takes only in one piece; made if it is not
   *     there
   * @param largest bytes of the largest disk that is opened
   * @param rawContent what a raw disk may begin with
   */
  public TicketDisks(Path root, Path spool, long largest, RawContent rawContent, Clock clock) {
    this.root = root.toAbsolutePath().normalize();
    this.spool = spool;
    this.largest = largest;
    this.rawContent = rawContent;
    this.clock = clock;
  }

  /** Opens a disk for reading, after its format has been found safe. */
  public DiskSource source(DiskTicket ticket) throws IOException {
    return switch (ticket) {
      case DiskTicket.Image image ->
          Disks.openSource(
              inside(image.path()), DiskFormat.fromWire(image.format()), largest, rawContent);
      case DiskTicket.Export export -> Disks.openNbd(inside(export.socket()), export.export());
      case DiskTicket.Glance image ->
          Disks.openSource(
              glance(image).bytes(), DiskFormat.fromWire(image.format()), largest, rawContent);
    };
  }

  /**
   * Opens a place for a disk.
   *
   * @throws java.nio.file.FileAlreadyExistsException if it has been finished before
   */
  public DiskSink sink(DiskTicket ticket) throws IOException {
    return switch (ticket) {
      case DiskTicket.Image image ->
          Disks.createSink(
              inside(image.path()), DiskFormat.fromWire(image.format()), image.virtualBytes());
      case DiskTicket.Export _ -> throw new IOException("an export is not for writing");
      case DiskTicket.Glance image ->
          GlanceSink.open(
              glance(image), spool, DiskFormat.fromWire(image.format()), image.virtualBytes());
    };
  }

  /**
   * Gives up what lies here of an unfinished disk. What was finished, or is gone with the place
   * that it was made in, is the cloud's, which is not asked.
   */
  public void abandon(DiskTicket ticket) throws IOException {
    switch (ticket) {
      case DiskTicket.Image image -> {
        try (DiskSink half = sink(image)) {
          half.abandon();
        } catch (FileAlreadyExistsException | NoSuchFileException e) {
          LOG.debug("{} was finished, or has gone", image.disk());
        }
      }
      case DiskTicket.Export _ -> throw new IOException("an export is not for writing");
      case DiskTicket.Glance image -> GlanceSink.abandon(image.image(), spool);
    }
  }

  private GlanceImage glance(DiskTicket.Glance ticket) {
    Tokens access = tokens.computeIfAbsent(ticket.access(), one -> new Tokens(one, http, clock));
    return new GlanceImage(ticket.image(), access, http);
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

  @Override
  public void close() {
    http.shutdownNow();
  }
}
