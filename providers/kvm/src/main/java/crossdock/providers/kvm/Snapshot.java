package crossdock.providers.kvm;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Machine;
import crossdock.providers.DiskTicket;
import crossdock.providers.files.Durable;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * All disks of a running machine at one instant, served by its QEMU over NBD while it goes on: what
 * the guest is about to overwrite is first copied into an overlay beside its disk, and reads go
 * through that. Everything in QEMU is named after the tag, and found again by that.
 *
 * @param directory the machine's
 * @param prefix of the names in QEMU, which takes 31 characters at most
 */
record Snapshot(Guests guests, Machine machine, Path directory, String prefix) {
  private static final Duration MOST = Duration.ofSeconds(20);
  private static final String SOCKET = "nbd.sock";

  /**
   * @param tag name of the tag: a migration's id and a side
   */
  static Snapshot of(Guests guests, Machine machine, String tag) {
    String hex = tag.substring(2, 26);
    return new Snapshot(guests, machine, guests.directory(machine.id()), "s" + hex + "-");
  }

  /** Makes it. What an earlier attempt left must have been dropped. */
  void take() throws IOException {
    Files.createDirectory(overlays());
    List<Machine.Disk> disks = machine.disks();
    try (Qmp qmp = guests.qmp(machine.id())) {
      JsonNode nodes = qmp.execute("query-named-block-nodes", Map.of("flat", true));
      List<Map<String, Object>> backups = new ArrayList<>();
      for (int i = 0; i < disks.size(); i++) {
        String name = prefix + i;
        Path overlay = overlays().resolve(i + ".qcow2");
        createOverlay(overlay, size(nodes, "disk" + i));
        Map<String, Object> file = Map.of("driver", "file", "filename", overlay.toString());
        qmp.execute(
            "blockdev-add",
            Map.of("node-name", name, "driver", "qcow2", "file", file, "backing", "disk" + i));
        Map<String, Object> backup =
            Map.of("job-id", name, "device", "disk" + i, "target", name, "sync", "none");
        backups.add(Map.of("type", "blockdev-backup", "data", backup));
      }
      qmp.execute("transaction", Map.of("actions", backups));
      // Relative to QEMU's directory, because a socket's address is short.
      Map<String, Object> address = Map.of("type", "unix", "data", Map.of("path", SOCKET));
      qmp.execute("nbd-server-start", Map.of("addr", address));
      for (int i = 0; i < disks.size(); i++) {
        String name = prefix + i;
        qmp.execute(
            "block-export-add",
            Map.of(
                "type",
                "nbd",
                "id",
                name,
                "node-name",
                name,
                "name",
                disks.get(i).name(),
                "writable",
                false));
      }
    }
  }

  /** Whether QEMU still serves all of it. */
  boolean isThere() throws IOException {
    if (!guests.isRunning(machine.id())) {
      return false;
    }
    try (Qmp qmp = guests.qmp(machine.id())) {
      return ours(qmp, "query-block-exports", "id").size() == machine.disks().size()
          && ours(qmp, "query-jobs", "id").size() == machine.disks().size();
    }
  }

  /** A ticket for each disk, in the machine's order. */
  List<DiskTicket> tickets(Path root) {
    String socket = root.relativize(directory.resolve(SOCKET)).toString();
    List<DiskTicket> tickets = new ArrayList<>();
    for (Machine.Disk disk : machine.disks()) {
      tickets.add(new DiskTicket.Export(disk.name(), socket, disk.name(), disk.virtualBytes()));
    }
    return tickets;
  }

  /** Gives up whatever there is of it. */
  void drop() throws IOException {
    if (guests.isRunning(machine.id())) {
      try (Qmp qmp = guests.qmp(machine.id())) {
        for (String export : ours(qmp, "query-block-exports", "id")) {
          qmp.execute("block-export-del", Map.of("id", export, "mode", "hard"));
        }
        untilNone(qmp, "query-block-exports");
        try {
          qmp.execute("nbd-server-stop", Map.of());
        } catch (QmpException e) {
          // It was not started.
        }
        for (String job : ours(qmp, "query-jobs", "id")) {
          qmp.execute("block-job-cancel", Map.of("device", job, "force", true));
        }
        untilNone(qmp, "query-jobs");
        for (String node : ours(qmp, "query-named-block-nodes", "node-name")) {
          qmp.execute("blockdev-del", Map.of("node-name", node));
        }
      } catch (IOException e) {
        // With QEMU all of it ends.
        if (guests.isRunning(machine.id())) {
          throw e;
        }
      }
    }
    Durable.erase(overlays());
    Files.deleteIfExists(directory.resolve(SOCKET));
  }

  private Path overlays() {
    return directory.resolve("snapshot");
  }

  private void untilNone(Qmp qmp, String query) throws IOException {
    long deadline = System.nanoTime() + MOST.toNanos();
    while (!ours(qmp, query, "id").isEmpty()) {
      if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) {
        throw new IOException("QEMU does not give up a snapshot of " + machine.id());
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  private List<String> ours(Qmp qmp, String query, String key) throws IOException {
    List<String> names = new ArrayList<>();
    for (JsonNode entry : qmp.execute(query, Map.of())) {
      String name = entry.path(key).asText();
      if (name.startsWith(prefix)) {
        names.add(name);
      }
    }
    return names;
  }

  private static long size(JsonNode nodes, String name) throws IOException {
    for (JsonNode node : nodes) {
      if (node.path("node-name").asText().equals(name)) {
        return node.path("image").path("virtual-size").asLong();
      }
    }
    throw new IOException("QEMU has no node " + name);
  }

  private static void createOverlay(Path file, long size) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            "qemu-img", "create", "-q", "-f", "qcow2", "--", file.toString(), "" + size);
    builder.environment().keySet().removeIf(name -> !name.equals("PATH"));
    builder.redirectErrorStream(true).redirectInput(new File("/dev/null"));
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    Process process = builder.start();
    try {
      if (!process.waitFor(MOST.toMillis(), TimeUnit.MILLISECONDS) || process.exitValue() != 0) {
        throw new IOException("qemu-img cannot create an overlay in " + file.getParent());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }
}
