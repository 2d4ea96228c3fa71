package crossdock.providers.disks;

import crossdock.disk.Container;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.Extent;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.disk.Manifest;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens what a ticket is for, and nothing else. Thread-safe. */
public final class TicketDisks implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TicketDisks.class);

  private final Path root;
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
   * @param largest bytes of the largest disk that is opened
   * @param rawContent what a raw disk may begin with
   */
  public TicketDisks(Path root, long largest, RawContent rawContent, Clock clock) {
    this.root = root.toAbsolutePath().normalize();
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
   * Opens a place for a disk that takes it in any order.
   *
   * @throws FileAlreadyExistsException if it has been finished before
   * @throws IOException also for a place that takes it only from its first byte to its last, as
   *     Glance does
   */
  public DiskSink sink(DiskTicket ticket) throws IOException {
    return switch (ticket) {
      case DiskTicket.Image image ->
          Disks.createSink(
              inside(image.path()), DiskFormat.fromWire(image.format()), image.virtualBytes());
      case DiskTicket.Export _ -> throw new IOException("an export is not for writing");
      case DiskTicket.Glance _ -> throw new IOException("Glance takes a disk in one piece");
    };
  }

  /**
   * Writes all of a disk to its place, reading it once and in its order. What breaks off leaves
   * nothing that would pass for a disk.
   *
   * @throws FileAlreadyExistsException if it has been finished before
   */
  public void put(DiskTicket ticket, DiskSource disk) throws IOException {
    switch (ticket) {
      case DiskTicket.Image image -> copy(disk, sink(image));
      case DiskTicket.Export export -> copy(disk, sink(export));
      case DiskTicket.Glance image -> {
        if (disk.size() != image.virtualBytes()) {
          throw new IOException(disk.size() + " bytes for a disk of " + image.virtualBytes());
        }
        UUID id = UUID.nameUUIDFromBytes(image.image().toString().getBytes(StandardCharsets.UTF_8));
        try {
          glance(image).upload(inOnePiece(DiskFormat.fromWire(image.format())), id, disk);
        } catch (IllegalArgumentException e) {
          throw new IOException("no room in a " + image.format() + ": " + e.getMessage(), e);
        }
      }
    }
  }

  private static void copy(DiskSource disk, DiskSink sink) throws IOException {
    try (sink) {
      if (disk.size() != sink.size()) {
        throw new IOException(disk.size() + " bytes for a disk of " + sink.size());
      }
      ByteBuffer buffer = ByteBuffer.allocateDirect(Manifest.CHUNK);
      for (Extent extent : disk.extents(0, disk.size())) {
        if (extent.kind() == Extent.Kind.ZERO) {
          sink.zero(extent.offset(), extent.length());
          continue;
        }
        for (long at = extent.offset(); at < extent.end(); at += buffer.limit()) {
          disk.read(at, buffer.clear().limit((int) Math.min(Manifest.CHUNK, extent.end() - at)));
          sink.write(at, buffer.flip());
        }
      }
      sink.finish();
    }
  }

  /** Who takes a VMDK in one piece wants a streamOptimized one. */
  private static Container inOnePiece(DiskFormat format) {
    return switch (format) {
      case RAW -> Container.RAW;
      case QCOW2 -> Container.QCOW2;
      case VMDK -> Container.VMDK_STREAM;
      case VHD -> Container.VHD;
      case VHDX -> Container.VHDX;
      case VDI -> Container.VDI;
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
      case DiskTicket.Glance _ -> {}
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
