package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Machine;
import crossdock.disk.DiskSource;
import crossdock.disk.Partitions;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a dock finds in the disks of one machine, in boot order: the same at the source, before it
 * is certified, and at the target, in what was registered. For one thread.
 */
final class Examination {
  private static final int LONGEST = 512;

  private final Machine.Firmware firmware;
  private final Optional<Clamd> clamd;
  private final List<String> formats = new ArrayList<>();
  private final Finding division = new Finding();
  private final Finding malware = new Finding();
  private List<Check> guest = GuestFindings.unseen("libguestfs is not configured");

  /** The worst that was found of one kind, and what of each disk. */
  private static final class Finding {
    private Outcome outcome = Outcome.PASSED;
    private final List<String> details = new ArrayList<>();

    void add(Outcome found, String detail) {
      outcome =
          found == Outcome.FAILED || outcome == Outcome.FAILED
              ? Outcome.FAILED
              : found == Outcome.PASSED ? outcome : found;
      details.add(detail);
    }

    Check check(String name) {
      return new Check(name, 1, outcome, shortened(String.join("; ", details)));
    }
  }

  /**
   * @param clamd empty where none is configured
   */
  Examination(Machine.Firmware firmware, Optional<Clamd> clamd) {
    this.firmware = firmware;
    this.clamd = clamd;
  }

  /**
   * Looks at the next disk, which was opened in its declared format.
   *
   * @throws IOException if it cannot be read, or clamd does not answer
   */
  void disk(DiskTicket ticket, DiskSource source, Held held, Meter meter) throws IOException {
    boolean boots = formats.isEmpty();
    formats.add(
        switch (ticket) {
          case DiskTicket.Image image -> image.disk() + ": " + image.format();
          case DiskTicket.Export export -> export.disk() + ": bytes from the hypervisor";
          case DiskTicket.Glance image -> image.disk() + ": " + image.format();
        });
    division(ticket.disk(), Partitions.read(source), boots);
    if (clamd.isPresent()) {
      Optional<String> found = clamd.get().scan(source, held, meter);
      malware.add(
          found.isPresent() ? Outcome.FAILED : Outcome.PASSED,
          ticket.disk() + ": " + found.orElse("nothing found"));
    }
  }

  /** What libguestfs found in all of them together. */
  void guest(Guestfs.Answers answers) {
    guest =
        GuestFindings.of(answers)
            .map(GuestFindings::checks)
            .orElseGet(() -> GuestFindings.unseen(answers.lacking().orElse("")));
  }

  private void division(String disk, Partitions found, boolean boots) {
    String what =
        found.table() == Partitions.Table.NONE
            ? "no partition table"
            : found.table() + " with " + found.partitions().size() + " partitions";
    if (!found.broken().isEmpty()) {
      division.add(Outcome.FAILED, disk + ": " + String.join(", ", found.broken()));
    } else if (!found.odd().isEmpty()) {
      division.add(Outcome.WARNED, disk + ": " + String.join(", ", found.odd()));
    } else if (boots && !startsBy(found)) {
      division.add(
          Outcome.WARNED, disk + ": " + what + ", and nothing that " + firmware + " starts");
    } else {
      division.add(Outcome.PASSED, disk + ": " + what);
    }
  }

  private boolean startsBy(Partitions found) {
    return switch (firmware) {
      case BIOS -> found.bootCode();
      case UEFI -> found.efiSystem();
    };
  }

  /** Everything that was found, of all disks so far. */
  List<Check> checks() throws IOException {
    // What an image could hide in its format would have been refused when it was opened.
    Check safe =
        new Check(
            "format-safe",
            1,
            Outcome.PASSED,
            shortened(
                "no foreign references, encryption or unknown features, sizes within limits: "
                    + String.join("; ", formats)));
    Check clean =
        clamd.isPresent()
            ? new Check(
                "malware",
                1,
                malware.outcome,
                shortened(clamd.get().version() + ": " + String.join("; ", malware.details)))
            : new Check("malware", 1, Outcome.SKIPPED, "no clamd is configured");
    return Stream.concat(Stream.of(safe, division.check("partition-table"), clean), guest.stream())
        .toList();
  }

  static String shortened(String detail) {
    return detail.length() <= LONGEST ? detail : detail.substring(0, LONGEST - 1) + "…";
  }
}
