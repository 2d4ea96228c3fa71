package crossdock.providers.examination;

import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.disks.Beginning;
import crossdock.providers.disks.TicketDisks;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Machines that come as far as they are asked to, and go again. Which of them may be there is
 * written down before they come. One examination at a time.
 */
final class Passages {
  /** With which fence something comes, and with which it goes. */
  private static final long COMES = 1;

  private static final long GOES = 2;
  private static final int STEP = 1 << 20;
  private static final int LONGEST = 200;

  private final Cloud cloud;
  private final TicketDisks disks;
  private final String owner;
  private final Path journal;
  private final SecureRandom random = new SecureRandom();

  /** How one went: {@code PASSED}, {@code WARNED} without room, {@code FAILED}, {@code ERROR}. */
  record Verdict(Outcome outcome, String detail) {
    static final Verdict PASSED = new Verdict(Outcome.PASSED, "");

    static Verdict of(Refusal refusal) {
      String detail = shortened(String.valueOf(refusal.getMessage()));
      return refusal.reason() == Reason.QUOTA
          ? new Verdict(Outcome.WARNED, "no room now: " + detail)
          : new Verdict(Outcome.FAILED, detail);
    }

    static Verdict of(IOException e) {
      return new Verdict(Outcome.ERROR, shortened(String.valueOf(e.getMessage())));
    }

    private static String shortened(String text) {
      return text.length() <= LONGEST ? text : text.substring(0, LONGEST - 1) + "…";
    }
  }

  /**
   * @param written whether its disks could be written and read back
   * @param verdict of all of it
   * @param sign the guest's, if it gave one
   * @param shown the machine as its site showed it then
   */
  record Landing(Verdict verdict, Verdict written, Optional<String> sign, Optional<Machine> shown) {
    static Landing failed(Verdict verdict, Verdict written) {
      return new Landing(verdict, written, Optional.empty(), Optional.empty());
    }
  }

  Passages(Cloud cloud, TicketDisks disks, String owner, Path journal) {
    this.cloud = cloud;
    this.disks = disks;
    this.owner = owner;
    this.journal = journal;
  }

  /**
   * Keeps others out until it is closed, and removes what one that was killed has left.
   *
   * @throws IOException if another examination runs
   */
  @SuppressWarnings("MustBeClosedChecker")
  Closeable alone() throws IOException {
    Files.createDirectories(journal);
    FileChannel channel =
        FileChannel.open(
            journal.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (!locked(channel)) {
        throw new IOException("another examination runs");
      }
      List<String> left;
      try (Stream<Path> files = Files.list(journal)) {
        left =
            files
                .map(file -> file.getFileName().toString())
                .filter(name -> name.startsWith("m-"))
                .toList();
      }
      for (String id : left) {
        remove(new MigrationId(id));
      }
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static boolean locked(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  /** Whether such a machine is taken. */
  Verdict reserves(Machine machine) throws IOException {
    MigrationId id = begin();
    try {
      cloud.reserve(machine, owner, tag(id));
      return Verdict.PASSED;
    } catch (Refusal refusal) {
      return Verdict.of(refusal);
    } catch (IOException e) {
      return Verdict.of(e);
    } finally {
      remove(id);
    }
  }

  /** Whether its disks can be written and read back, and it is then shown as planned. */
  Landing registers(Machine machine) throws IOException {
    return lands(machine, false);
  }

  /** Whether it then gives the sign of life that this guest gives, and leaves nothing. */
  Landing boots(Machine machine) throws IOException {
    return lands(machine, true);
  }

  private Landing lands(Machine machine, boolean boots) throws IOException {
    MigrationId id = begin();
    Tag tag = tag(id);
    Verdict written = new Verdict(Outcome.ERROR, "no disk was written");
    Landing landed;
    String registered = "";
    try {
      cloud.reserve(machine, owner, tag);
      write(cloud.prepare(tag));
      registered = cloud.register(tag);
      written = readBack(cloud.readBack(tag));
      landed =
          written.outcome() == Outcome.PASSED
              ? landed(machine, registered, boots ? cloud.boot(tag) : "", boots, written)
              : Landing.failed(written, written);
    } catch (Refusal refusal) {
      landed = Landing.failed(Verdict.of(refusal), written);
    } catch (IOException e) {
      landed = Landing.failed(Verdict.of(e), written);
    } finally {
      remove(id);
    }
    return !registered.isEmpty() && cloud.machine(owner, registered).isPresent()
        ? Landing.failed(new Verdict(Outcome.FAILED, registered + " was not removed"), written)
        : landed;
  }

  private Landing landed(
      Machine planned, String registered, String sign, boolean boots, Verdict written)
      throws IOException {
    Optional<Machine> shown = cloud.machine(owner, registered);
    Optional<String> lack =
        shown.isEmpty() ? Optional.of("it is not shown") : shown.get().lacks(planned);
    String wanted = LandingDisk.says(planned.firmware());
    Verdict verdict =
        lack.isPresent()
            ? new Verdict(Outcome.FAILED, lack.get())
            : boots && !sign.equals(wanted)
                ? new Verdict(Outcome.FAILED, "its console says: " + sign)
                : Verdict.PASSED;
    return new Landing(verdict, written, Optional.of(sign).filter(one -> !one.isEmpty()), shown);
  }

  private void write(List<DiskTicket> tickets) throws IOException {
    for (DiskTicket ticket : tickets) {
      disks.put(ticket, new Beginning(LandingDisk.bytes(), ticket.virtualBytes()));
    }
  }

  private Verdict readBack(List<DiskTicket> tickets) throws IOException {
    for (DiskTicket ticket : tickets) {
      try (DiskSource disk = disks.source(ticket)) {
        ByteBuffer begins = ByteBuffer.allocate(LandingDisk.BYTES);
        disk.read(0, begins);
        if (!Arrays.equals(begins.array(), LandingDisk.bytes()) || !endsInZeros(disk)) {
          return new Verdict(Outcome.FAILED, ticket.disk() + " reads back otherwise");
        }
      }
    }
    return Verdict.PASSED;
  }

  private static boolean endsInZeros(DiskSource disk) throws IOException {
    for (Extent extent : disk.extents(LandingDisk.BYTES, disk.size() - LandingDisk.BYTES)) {
      for (long at = extent.offset();
          extent.kind() != Extent.Kind.ZERO && at < extent.end();
          at += STEP) {
        ByteBuffer part = ByteBuffer.allocate((int) Math.min(STEP, extent.end() - at));
        disk.read(at, part);
        for (byte one : part.array()) {
          if (one != 0) {
            return false;
          }
        }
      }
    }
    return true;
  }

  private MigrationId begin() throws IOException {
    byte[] own = new byte[12];
    random.nextBytes(own);
    MigrationId id = new MigrationId("m-" + HexFormat.of().formatHex(own));
    Files.createFile(journal.resolve(id.value()));
    return id;
  }

  private void remove(MigrationId id) throws IOException {
    boolean _ = cloud.remove(new Tag(id, Role.TARGET, GOES));
    Files.delete(journal.resolve(id.value()));
  }

  private static Tag tag(MigrationId id) {
    return new Tag(id, Role.TARGET, COMES);
  }
}
