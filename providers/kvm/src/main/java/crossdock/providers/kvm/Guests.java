package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.providers.files.Durable;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The QEMU processes of one site. They outlive the JVM that started them; any other that is given
 * the same directory finds them again, since all that is known of them lies there:
 *
 * <ul>
 *   <li>{@code machines/<id>/}: the control socket, the agent's, the console's log, QEMU's own log,
 *       and {@code uefi.vars} of who boots by UEFI;
 *   <li>{@code guests/<id>.pid}: process id and start time (field 22 of /proc/pid/stat), written by
 *       the process itself before it becomes QEMU, so that no guest runs without one.
 * </ul>
 *
 * Thread-safe. That two processes never run on one disk is QEMU's image lock's doing.
 */
final class Guests {
  private static final Duration READY = Duration.ofSeconds(30);
  private static final int PLACES = 30; // of the PCI bus, beside the chipset's two
  private static final Duration ANSWERED = Duration.ofSeconds(10);
  private static final Duration KILLED = Duration.ofSeconds(10);
  // A guest that is still booting misses the button.
  private static final Duration PRESS_AGAIN = Duration.ofSeconds(3);
  private static final String VARIABLES = "uefi.vars";
  private static final int CONSOLE_TAIL = 64 << 10;
  private static final int LONGEST_CONSOLE = 16 << 20;

  private static final String BECOME_GUEST =
      """
      umask 077
      pidfile=$1; shift
      read -r stat < "/proc/$$/stat"
      started=$(echo "${stat##*) }" | cut -d' ' -f20)
      echo "$$ $started" > "$pidfile.new"
      mv "$pidfile.new" "$pidfile"
      exec "$@"
      """;

  private final String accelerator;
  private final Optional<Namespace> namespace;
  private final Path machines;
  private final Path pids;

  /**
   * @param site the site's directory; made if it is not there
   * @param accelerator kvm, or tcg for software emulation. Said, not tried out: a nested /dev/kvm
   *     can be there and be much slower than software
   * @param namespace where the network cards are plugged in; nothing passes them if empty
   */
  Guests(Path site, String accelerator, Optional<Namespace> namespace) throws IOException {
    if (!accelerator.equals("kvm") && !accelerator.equals("tcg")) {
      throw new IllegalArgumentException("no accelerator " + accelerator);
    }
    this.accelerator = accelerator;
    this.namespace = namespace;
    machines = site.toAbsolutePath().normalize().resolve("machines");
    pids = machines.resolveSibling("guests");
    Files.createDirectories(machines);
    Files.createDirectories(pids);
  }

  /** Whose network cards nothing passes. */
  Guests(Path site, String accelerator) throws IOException {
    this(site, accelerator, Optional.empty());
  }

  /** Where a machine keeps its things; the disks may lie here too. */
  Path directory(String id) {
    return machines.resolve(id);
  }

  /**
   * Starts a machine unless it runs, and returns when QEMU answers: the guest is then about to
   * boot.
   *
   * @param disks the image files, in the order of the machine's disks
   * @throws IOException if QEMU does not start, with its own words, or the host has no firmware for
   *     it, or its network cards cannot be plugged in with their rules
   */
  void start(Machine machine, List<Path> disks) throws IOException {
    String id = machine.id();
    if (isRunning(id)) {
      return;
    }
    Path directory = directory(id);
    Files.createDirectories(directory);
    Optional<Uefi> uefi = firmware(machine);
    Path log = directory.resolve("qemu.log");
    List<String> command = new ArrayList<>();
    if (namespace.isPresent()) {
      command.addAll(namespace.get().connect(machine));
    }
    command.addAll(List.of("setsid", "sh", "-e", "-c", BECOME_GUEST));
    command.addAll(List.of("guest", pidFile(id).toString()));
    command.addAll(qemu(machine, disks, uefi));
    Files.deleteIfExists(socket(id));
    Files.deleteIfExists(agentSocket(id));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.directory(directory.toFile());
    builder.environment().keySet().removeIf(name -> !name.equals("PATH"));
    builder.environment().put("LC_ALL", "C");
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    builder.redirectInput(new File("/dev/null"));
    Process process = builder.start();
    long deadline = System.nanoTime() + READY.toNanos();
    while (process.isAlive() && System.nanoTime() < deadline) {
      if (Files.exists(socket(id))) {
        try (Qmp qmp = qmp(id)) {
          qmp.execute("query-status", Map.of());
          return;
        } catch (IOException e) {
          // Bound, but not listening yet; or it has just ended.
        }
      }
      ended(process.toHandle(), Duration.ofMillis(10));
    }
    process.destroyForcibly();
    unplug(id);
    throw new IOException("QEMU does not start " + id + ": " + tail(log, 1000).strip());
  }

  /** For UEFI with a variable store, which is empty at the first start. */
  private Optional<Uefi> firmware(Machine machine) throws IOException {
    if (machine.firmware() == Machine.Firmware.BIOS) {
      return Optional.empty();
    }
    Uefi uefi = Uefi.installed().orElseThrow(() -> new IOException("no UEFI is installed"));
    Path variables = directory(machine.id()).resolve(VARIABLES);
    if (!Files.exists(variables)) {
      Durable.write(variables, Files.readAllBytes(uefi.variables()));
    }
    return Optional.of(uefi);
  }

  private List<String> qemu(Machine machine, List<Path> disks, Optional<Uefi> uefi) {
    if (!machine.architecture().equals("x86_64") || disks.size() != machine.disks().size()) {
      throw new IllegalArgumentException("not a machine that runs here: " + machine.id());
    }
    Devices devices =
        Devices.of(machine)
            .orElseThrow(() -> new IllegalArgumentException("no such devices: " + machine.id()));
    List<String> command = new ArrayList<>();
    command.addAll(List.of("qemu-system-x86_64", "-name", name(machine.id())));
    command.addAll(List.of("-nodefaults", "-no-user-config", "-display", "none"));
    command.addAll(
        List.of(
            "-machine",
            uefi.isPresent() ? "q35,pflash0=uefi,pflash1=variables" : "pc",
            "-accel",
            accelerator));
    if (uefi.isPresent()) {
      command.addAll(
          List.of(
              "-blockdev", flash("uefi", uefi.get().code(), true),
              "-blockdev", flash("variables", directory(machine.id()).resolve(VARIABLES), false)));
    }
    command.addAll(List.of("-smp", Integer.toString(machine.cpus())));
    command.addAll(List.of("-m", (machine.memoryBytes() >> 20) + "M"));
    command.addAll(
        List.of(
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
    // Relative to the machine's directory, because a socket's address is short.
    command.addAll(List.of("-chardev", "socket,id=qmp,path=qmp.sock,server=on,wait=off"));
    command.addAll(List.of("-mon", "chardev=qmp,mode=control"));
    command.addAll(List.of("-chardev", "file,id=console,path=serial.log,append=on"));
    command.addAll(List.of("-serial", "chardev:console"));
    for (int i = 0; i < disks.size(); i++) {
      command.addAll(List.of("-blockdev", blockdev(i, machine.disks().get(i), disks.get(i))));
    }
    command.addAll(devices.disks(disks.size()));
    for (int i = 0; i < machine.nics().size(); i++) {
      command.addAll(List.of("-netdev", netdev(machine.id(), i) + ",id=net" + i));
      command.addAll(devices.card(i, machine.nics().get(i).mac()));
    }
    // The last of all, so that no other device changes its place for it.
    if (devices.places(disks.size(), machine.nics().size()) < PLACES) {
      command.addAll(List.of("-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off"));
      command.addAll(List.of("-device", "virtio-serial-pci,id=ports"));
      command.addAll(
          List.of("-device", "virtserialport,bus=ports.0,chardev=agent,name=" + GuestAgent.PORT));
    }
    return command;
  }

  private String netdev(String id, int card) {
    return namespace.isPresent()
        ? "tap,script=no,downscript=no,ifname=" + Namespace.tap(id, card)
        : "user,restrict=on";
  }

  private static String blockdev(int index, Machine.Disk disk, Path file) {
    Map<String, Object> node = new LinkedHashMap<>();
    node.put("node-name", "disk" + index);
    node.put("driver", driver(disk.format()));
    node.put("discard", "unmap");
    if (disk.format().equals("qcow2")) {
      node.put("backing", null);
    }
    node.put(
        "file",
        Map.of("driver", "file", "filename", file.toAbsolutePath().toString(), "discard", "unmap"));
    return Json.text(node);
  }

  private static String flash(String name, Path file, boolean readOnly) {
    return Json.text(
        Map.of(
            "node-name",
            name,
            "driver",
            "raw",
            "read-only",
            readOnly,
            "file",
            Map.of("driver", "file", "filename", file.toString(), "read-only", readOnly)));
  }

  private static String driver(String format) {
    return format.equals("vhd") ? "vpc" : format;
  }

  /** Whether its process lives. */
  boolean isRunning(String id) throws IOException {
    return process(id).isPresent();
  }

  /**
   * Presses the power button and waits until the process has ended.
   *
   * @return false if the guest has not powered off within {@code most}; it then still runs
   */
  boolean stop(String id, Duration most) throws IOException {
    long deadline = System.nanoTime() + most.toNanos();
    for (; ; ) {
      Optional<ProcessHandle> process = process(id);
      if (process.isEmpty()) {
        unplug(id);
        Files.deleteIfExists(pidFile(id));
        return true;
      }
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      Duration patience = Duration.ofNanos(Math.min(left, PRESS_AGAIN.toNanos()));
      try (Qmp qmp = Qmp.connect(socket(id), patience)) {
        qmp.execute("system_powerdown", Map.of());
        qmp.event(Qmp.named("SHUTDOWN"), patience);
      } catch (JsonLines.Late | EOFException e) {
        continue;
      } catch (IOException e) {
        // It has just ended, or nobody can talk to it.
      }
      ended(process.get(), patience);
    }
  }

  /** Ends the process at once, as a power cut does, if it lives. */
  void kill(String id) throws IOException {
    Optional<ProcessHandle> process = process(id);
    if (process.isPresent()) {
      process.get().destroyForcibly();
      if (!ended(process.get(), KILLED) && isRunning(id)) {
        throw new IOException(id + " cannot be ended");
      }
    }
    unplug(id);
    Files.deleteIfExists(pidFile(id));
  }

  private void unplug(String id) throws IOException {
    if (namespace.isPresent()) {
      namespace.get().disconnect(id);
    }
  }

  /** A new conversation with the machine's QEMU. The caller closes it soon. */
  Qmp qmp(String id) throws IOException {
    return Qmp.connect(socket(id), READY);
  }

  /** The last characters of the console, at most 64 Ki, of all boots; empty if there are none. */
  String console(String id) throws IOException {
    trimConsole(id);
    return tail(consoleLog(id), CONSOLE_TAIL);
  }

  /** How much the console has written until now, in bytes: a place for {@link #consoleSince}. */
  long consoleSize(String id) throws IOException {
    return Files.exists(consoleLog(id)) ? Files.size(consoleLog(id)) : 0;
  }

  /** Shortens the log of a console that has written too much; places in it mean nothing then. */
  void trimConsole(String id) throws IOException {
    // QEMU appends, so that it goes on at the new end.
    if (consoleSize(id) > LONGEST_CONSOLE) {
      byte[] last = tail(consoleLog(id), CONSOLE_TAIL).getBytes(UTF_8);
      Files.write(consoleLog(id), last, StandardOpenOption.TRUNCATE_EXISTING);
    }
  }

  /** What the console has written from that place on, the first 1 Mi characters at most. */
  String consoleSince(String id, long place) throws IOException {
    long size = consoleSize(id);
    long from = place > size ? 0 : place;
    return read(consoleLog(id), from, (int) Math.min(size - from, 1 << 20));
  }

  /**
   * The version of the agent that answers in the guest; empty where none does within 10 s, or none
   * has come up.
   */
  Optional<String> agent(String id) {
    try (Qmp qmp = Qmp.connect(socket(id), ANSWERED)) {
      for (JsonNode one : qmp.execute("query-chardev", Map.of())) {
        if (one.path("label").asText().equals("agent") && one.path("frontend-open").asBoolean()) {
          return GuestAgent.version(agentSocket(id), ANSWERED);
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      // It has just ended, or talks to somebody else, or what answers is no agent.
      return Optional.empty();
    }
  }

  private Optional<ProcessHandle> process(String id) throws IOException {
    try {
      String[] words = Files.readString(pidFile(id)).strip().split(" ", -1);
      Path proc = Path.of("/proc", Long.toUnsignedString(Long.parseLong(words[0])));
      String stat = Files.readString(proc.resolve("stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      boolean dead = fields[0].equals("Z") || fields[0].equals("X");
      // A start time counts from the boot of the host, so it alone is not enough after another.
      String arguments = Files.readString(proc.resolve("cmdline"));
      if (dead || !fields[19].equals(words[1]) || !arguments.contains('\0' + name(id) + '\0')) {
        return Optional.empty();
      }
      return ProcessHandle.of(Long.parseLong(words[0]));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw new IOException("what is in " + pidFile(id) + " is no process", e);
    }
  }

  private static boolean ended(ProcessHandle process, Duration most) throws IOException {
    try {
      process.onExit().get(most.toNanos(), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IOException("cannot wait for a process", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static String tail(Path file, int most) throws IOException {
    long size = Files.exists(file) ? Files.size(file) : 0;
    return read(file, Math.max(0, size - most), most);
  }

  private static String read(Path file, long from, int most) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer bytes = ByteBuffer.allocate(most);
      while (bytes.hasRemaining() && channel.read(bytes, from + bytes.position()) > 0) {}
      return UTF_8.decode(bytes.flip()).toString();
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  private static String name(String id) {
    return "crossdock-" + id;
  }

  private Path pidFile(String id) {
    return pids.resolve(id + ".pid");
  }

  private Path socket(String id) {
    return directory(id).resolve("qmp.sock");
  }

  private Path agentSocket(String id) {
    return directory(id).resolve("agent.sock");
  }

  private Path consoleLog(String id) {
    return directory(id).resolve("serial.log");
  }
}
