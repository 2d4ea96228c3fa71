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
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Changes a guest so that it lives here, before anything of it is written: libguestfs works on
 * overlays over the disks that the source's dock serves, and what it has changed of them is the
 * layer. It is made once, since it comes out otherwise every time, and stays until the migration is
 * registered here; a turn that dies before that leaves nothing that counts. One guest at a time.
 * Thread-safe: of turns that work on one migration, because one has not yet heard that its lease is
 * gone, the first to be done counts.
 */
@Singleton
final class Adapting {
  private static final Logger LOG = LoggerFactory.getLogger(Adapting.class);
  private static final String DONE = "adapted.json";

  private final Pull pull;
  private final Path work;

  /** Helper machines take memory, and so do the files that are put together. */
  private final Semaphore turn = new Semaphore(1, true);

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
   * @throws IOException if something else went wrong, which another try may not meet
   */
  Disks adapt(DockMessage.Fetch order, Guestfs guestfs, Path place, Pace own, Held held)
      throws IOException, InterruptedException {
    Path done = place(order.migration()).resolve(DONE);
    if (Files.exists(done)) {
      return Json.read(Files.readAllBytes(done), Disks.class);
    }
    while (!turn.tryAcquire(1, TimeUnit.SECONDS)) {
      held.check();
    }
    try {
      return begun(order, guestfs, place, own, held);
    } finally {
      turn.release();
    }
  }

  private Disks begun(DockMessage.Fetch order, Guestfs guestfs, Path place, Pace own, Held held)
      throws IOException, InterruptedException {
    Path done = place(order.migration()).resolve(DONE);
    if (Files.exists(done)) {
      return Json.read(Files.readAllBytes(done), Disks.class); // by another turn, meanwhile
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
      AtomicInteger room = new AtomicInteger(Countersignature.MOST);
      for (Certificate.Disk disk : order.disks()) {
        Pull.Served one = pull.served(order, disk, own);
        open.add(one);
        served.add(one);
        Path chunks = Files.createDirectory(directory.resolve(disk.name()));
        Overlay overlay = new Overlay(one.disk(), chunks, room);
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
    } catch (IOException e) {
      LOG.warn("the guest of {} is not adapted", order.migration(), e);
      wentThrough(overlays, served);
      if (e instanceof Unfit) {
        throw unfit(String.valueOf(e.getMessage()));
      }
      throw e;
    }
    // What could not be read was perhaps taken for what is not there.
    wentThrough(overlays, served);
    return checks;
  }

  /** Throws why what was asked of a disk did not come, or did not go. */
  private static void wentThrough(List<Overlay> overlays, List<Pull.Served> served)
      throws IOException {
    for (Pull.Served one : served) {
      one.disk().rethrow();
    }
    try {
      for (Overlay overlay : overlays) {
        overlay.rethrow();
      }
    } catch (Overlay.Full e) {
      throw unfit("more than " + Countersignature.MOST + " chunks would be changed");
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
