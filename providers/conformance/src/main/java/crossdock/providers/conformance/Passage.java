package crossdock.providers.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.MigrationId;
import crossdock.contracts.Role;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * One migration at one site: every call has a larger fence than the one before, and disks are read
 * and written as conversion-service does it.
 */
final class Passage {
  private final Fixture fixture;
  private final MigrationId migration;
  private final Role side;
  private long fence;

  private Passage(Fixture fixture, int number, Role side) {
    this.fixture = fixture;
    this.migration = new MigrationId("m-%08x%016x".formatted(number, 0));
    this.side = side;
  }

  static Passage away(Fixture fixture, int number) {
    return new Passage(fixture, number, Role.SOURCE);
  }

  static Passage into(Fixture fixture, int number) {
    return new Passage(fixture, number, Role.TARGET);
  }

  /** The tag of the next call. */
  Tag tag() {
    return tag(++fence);
  }

  Tag tag(long thatFence) {
    return new Tag(migration, side, thatFence);
  }

  void reserve(Cloud cloud) throws IOException, Refusal {
    cloud.reserve(fixture.planned(), fixture.owner(), tag());
  }

  /** Writes all disks from reserved on, and returns the id of what is registered then. */
  String arrive(Cloud cloud) throws IOException, Refusal {
    reserve(cloud);
    write(cloud.prepare(tag()));
    return cloud.register(tag());
  }

  void reach(Point point, Cloud cloud) throws IOException, Refusal {
    switch (point) {
      case UNTOUCHED -> {}
      case RESERVED -> reserve(cloud);
      case PREPARED, HALF_WRITTEN, WRITTEN -> {
        reserve(cloud);
        List<DiskTicket> tickets = cloud.prepare(tag());
        if (point == Point.HALF_WRITTEN) {
          writeHalf(tickets.getFirst());
        } else if (point == Point.WRITTEN) {
          write(tickets);
        }
      }
      case REGISTERED -> arrive(cloud);
      case BOOTED -> {
        arrive(cloud);
        cloud.boot(tag());
      }
    }
  }

  void write(List<DiskTicket> tickets) throws IOException {
    for (DiskTicket ticket : tickets) {
      try (DiskSink sink = sink(ticket)) {
        sink.write(0, ByteBuffer.wrap(fixture.image(ticket.disk())));
        sink.finish();
      }
    }
  }

  private void writeHalf(DiskTicket ticket) throws IOException {
    byte[] image = fixture.image(ticket.disk());
    try (DiskSink sink = sink(ticket)) {
      sink.write(0, ByteBuffer.wrap(image, 0, image.length / 2));
      sink.flush();
    }
  }

  private DiskSink sink(DiskTicket ticket) throws IOException {
    assertThat(ticket).isInstanceOf(DiskTicket.Image.class);
    DiskTicket.Image image = (DiskTicket.Image) ticket;
    return Disks.createSink(
        fixture.root().resolve(image.path()),
        DiskFormat.fromWire(image.format()),
        image.virtualBytes());
  }

  byte[] read(DiskTicket ticket) throws IOException {
    try (DiskSource disk = source(ticket)) {
      ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(disk.size()));
      disk.read(0, content);
      return content.array();
    }
  }

  private DiskSource source(DiskTicket ticket) throws IOException {
    return switch (ticket) {
      case DiskTicket.Image(String disk, String path, String format, long size) ->
          Disks.openSource(
              fixture.root().resolve(path), DiskFormat.fromWire(format), size, RawContent.ANYTHING);
      case DiskTicket.Export(String disk, String socket, String export, long size) ->
          Disks.openNbd(fixture.root().resolve(socket), export);
    };
  }
}
