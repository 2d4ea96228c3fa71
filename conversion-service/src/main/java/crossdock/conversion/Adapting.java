package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Countersignature.Change;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Sha256;
import crossdock.disk.LeafFile;
import crossdock.disk.Overlay;
import crossdock.disk.Swap;
import crossdock.providers.files.Durable;
import crossdock.site.DockMessage;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Changes a guest so that it lives here, before anything of it is written: libguestfs works on
 * overlays over the disks that the source's dock serves, and what it has changed of them is the
 * layer. It is made once, since it comes out otherwise every time, and stays until the migration
 * has ended here; a turn that dies before that leaves nothing that counts. Thread-safe: of turns
 * that work on one migration, because one has not yet heard that its lease is gone, the first to be
 * done counts.
 */
@Singleton
final class Adapting {
  private static final Logger LOG = LoggerFactory.getLogger(Adapting.class);
  private static final String DONE = "adapted.json";

  private final Pull pull;
  private final Path work;

  Adapting(Pull pull, @Value("${crossdock.work}") Path work) {
    this.pull = pull;
    this.work = work.resolve("layers");
  }

  /**
   * What is to be written.
   *
   * @param disks as they will be
   * @param adapted empty if they are the certified ones
   */
  record Disks(List<Certificate.Disk> disks, Optional<DockMessage.Adapted> adapted) {}

  /**
   * Adapts the guest, or finds what was adapted before.
   *
   * @param guestfs with time enough
   * @param place an empty directory with a short path
   * @throws StepFailed if it cannot be adapted as planned: what it needs is not there
   * @throws Unanswered if the source's dock does not answer
   */
  Disks adapt(DockMessage.Fetch order, Guestfs guestfs, Path place, Pace own, Held held)
      throws IOException, InterruptedException {
    Path done = place(order.migration()).resolve(DONE);
    if (Files.exists(done)) {
      return Json.read(Files.readAllBytes(done), Disks.class);
    }
    Files.createDirectories(work);
    Path directory = Files.createTempDirectory(work, order.migration() + ".");
    try {
      make(order, guestfs, place, own, held, directory);
      held.check();
      try {
        Durable.move(directory, place(order.migration()));
      } catch (FileSystemException e) {
        if (!Files.exists(done)) {
          throw e;
        }
        LOG.info("another turn has adapted the guest of {}", order.migration());
      }
    } finally {
      Durable.erase(directory);
    }
    return Json.read(Files.readAllBytes(done), Disks.class);
  }

  private void make(
      DockMessage.Fetch order, Guestfs guestfs, Path place, Pace own, Held held, Path directory)
      throws IOException, InterruptedException {
    List<Closeable> open = new ArrayList<>();
    List<Pull.Served> served = new ArrayList<>();
    List<Overlay> overlays = new ArrayList<>();
    try {
      for (Certificate.Disk disk : order.disks()) {
        Pull.Served one = pull.served(order, disk, own);
        open.add(one);
        served.add(one);
        Path chunks = Files.createDirectory(directory.resolve(disk.name()));
        Overlay overlay = new Overlay(one.disk(), chunks, Countersignature.MOST);
        open.add(overlay);
        overlays.add(overlay);
      }
      List<Check> checks = change(order, guestfs, overlays, served, place, held);
      List<Change> layer = new ArrayList<>();
      List<Certificate.Disk> disks = new ArrayList<>();
      for (int i = 0; i < overlays.size(); i++) {
        overlays.get(i).flush();
        disks.add(disk(order.disks().get(i), overlays.get(i), served.get(i).leaves(), layer));
      }
      if (layer.size() > Countersignature.MOST) {
        throw unfit("more than " + Countersignature.MOST + " chunks would be changed");
      }
      Disks all = new Disks(disks, Optional.of(new DockMessage.Adapted(layer, checks)));
      Durable.write(directory.resolve(DONE), Json.bytes(all));
    } finally {
      for (Closeable one : open.reversed()) {
        one.close();
      }
    }
  }

  private static List<Check> change(
      DockMessage.Fetch order,
      Guestfs guestfs,
      List<Overlay> overlays,
      List<Pull.Served> served,
      Path place,
      Held held)
      throws IOException, InterruptedException {
    List<Check> checks = new ArrayList<>();
    try {
      guestfs.edit(
          overlays, place, held, guest -> checks.addAll(Fixes.make(guest, order.adaptations())));
      return checks;
    } catch (IOException e) {
      for (Pull.Served one : served) {
        one.disk().rethrow(); // not the guest's fault, then
      }
      LOG.warn("the guest of {} is not adapted", order.migration(), e);
      throw unfit(String.valueOf(e.getMessage()));
    }
  }

  private static StepFailed unfit(String why) {
    return new StepFailed(
        Reason.REFUSED_BY_TARGET, "the guest cannot be adapted: " + Examination.shortened(why));
  }

  /** What becomes of a disk. */
  private static Certificate.Disk disk(
      Certificate.Disk certified, Overlay overlay, LeafFile leaves, List<Change> layer)
      throws IOException {
    SortedMap<Long, Swap.Leaf> swaps = new TreeMap<>();
    for (Map.Entry<Long, crossdock.disk.Sha256> written : overlay.leaves().entrySet()) {
      crossdock.disk.Sha256 before = leaves.at(written.getKey()).leaf();
      if (!before.equals(written.getValue())) {
        swaps.put(written.getKey(), new Swap.Leaf(before, written.getValue()));
        layer.add(
            new Change(
                certified.name(),
                written.getKey(),
                new Sha256(before.hex()),
                new Sha256(written.getValue().hex())));
      }
    }
    Swap swap = new Swap(swaps).of(leaves);
    return new Certificate.Disk(
        certified.name(), new Sha256(swap.root().hex()), certified.length());
  }

  /** What of a disk is written otherwise. */
  Layer layer(MigrationId migration, String disk, Disks all) {
    List<Change> changes =
        all.adapted().stream()
            .flatMap(adapted -> adapted.layer().stream())
            .filter(change -> change.disk().equals(disk))
            .toList();
    return Layer.of(changes, place(migration).resolve(disk));
  }

  /** Nothing of a migration stays. */
  void forget(MigrationId migration) throws IOException {
    Durable.erase(place(migration));
    if (Files.isDirectory(work)) {
      try (DirectoryStream<Path> begun = Files.newDirectoryStream(work, migration + ".*")) {
        for (Path one : begun) {
          Durable.erase(one);
        }
      }
    }
  }

  private Path place(MigrationId migration) {
    return work.resolve(migration.value());
  }
}
