package crossdock.providers.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Role;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.disks.Beginning;
import crossdock.providers.disks.TicketDisks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.List;

/**
 * One migration at one site: every call has a larger fence than the one before, and disks are read
 * and written as conversion-service does it.
 */
public final class Passage {
  private static final int STEP = 1 << 20;

  private final Fixture fixture;
  private final int number;
  private final MigrationId migration;
  private final Role side;
  private long fence;

  private Passage(Fixture fixture, int number, Role side) {
    this.fixture = fixture;
    this.number = number;
    this.migration = new MigrationId("m-%08x%016x".formatted(number, 0));
    this.side = side;
  }

  public static Passage away(Fixture fixture, int number) {
    return new Passage(fixture, number, Role.SOURCE);
  }

  public static Passage into(Fixture fixture, int number) {
    return new Passage(fixture, number, Role.TARGET);
  }

  /** The tag of the next call. */
  public Tag tag() {
    return tag(++fence);
  }

  public Tag tag(long thatFence) {
    return new Tag(migration, side, thatFence);
  }

  public void reserve(Cloud cloud) throws IOException, Refusal {
    cloud.reserve(planned(), fixture.owner(), tag());
  }

  /** The machine that moves in. */
  public Machine planned() {
    return fixture.planned(number);
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

  public void write(List<DiskTicket> tickets) throws IOException {
    for (DiskTicket ticket : tickets) {
      try (TicketDisks disks = disks();
          DiskSource disk = new Beginning(fixture.image(ticket.disk()), ticket.virtualBytes())) {
        disks.put(ticket, disk);
      }
    }
  }

  private void writeHalf(DiskTicket ticket) throws IOException {
    byte[] image = fixture.image(ticket.disk());
    try (TicketDisks disks = disks()) {
      switch (ticket) {
        case DiskTicket.Image _, DiskTicket.Export _ -> {
          try (DiskSink sink = disks.sink(ticket)) {
            sink.write(0, ByteBuffer.wrap(image, 0, image.length / 2));
            sink.flush();
          }
        }
        // It takes a disk in one piece, so that half of one is one that breaks off.
        case DiskTicket.Glance _ ->
            assertThatThrownBy(
                    () ->
                        disks.put(
                            ticket,
                            new HalfOf(
                                new Beginning(image, ticket.virtualBytes()), image.length / 2)))
                .isInstanceOf(IOException.class);
      }
    }
  }

  /** A disk that cannot be read to its end. */
  private record HalfOf(DiskSource disk, long half) implements DiskSource {
    @Override
    public long size() {
      return disk.size();
    }

    @Override
    public Extent extentAt(long offset, long atMost) throws IOException {
      return disk.extentAt(offset, atMost);
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      if (offset + into.remaining() > half) {
        throw new IOException("it breaks off");
      }
      disk.read(offset, into);
    }

    @Override
    public void close() throws IOException {
      disk.close();
    }
  }

  /** Reads all of a disk. */
  public void assertHolds(DiskTicket ticket, byte[] beginning) throws IOException {
    try (TicketDisks disks = disks();
        DiskSource disk = disks.source(ticket)) {
      ByteBuffer begins = ByteBuffer.allocate(beginning.length);
      disk.read(0, begins);
      assertThat(begins.array()).isEqualTo(beginning);
      for (Extent extent : disk.extents(beginning.length, disk.size() - beginning.length)) {
        for (long at = extent.offset();
            extent.kind() != Extent.Kind.ZERO && at < extent.end();
            at += STEP) {
          ByteBuffer part = ByteBuffer.allocate((int) Math.min(STEP, extent.end() - at));
          disk.read(at, part);
          assertThat(part.array()).containsOnly(0);
        }
      }
    }
  }

  long size(DiskTicket ticket) throws IOException {
    try (TicketDisks disks = disks();
        DiskSource disk = disks.source(ticket)) {
      return disk.size();
    }
  }

  /** As a dock has them that was started anew. */
  private TicketDisks disks() {
    return new TicketDisks(fixture.root(), 1L << 40, RawContent.ANYTHING, Clock.systemUTC());
  }
}
