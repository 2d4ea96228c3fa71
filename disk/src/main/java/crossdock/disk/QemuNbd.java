package crossdock.disk;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A qemu-nbd process that serves one image file on a unix socket in a private directory, with the
 * format given and never guessed. It ends when closed, and when this JVM ends in whatever way:
 * setpriv has the kernel kill it with the thread that started it, which is why one thread that
 * lives as long as the JVM starts them all. Where there is no setpriv it would outlive a killed
 * JVM.
 */
final class QemuNbd implements Closeable {
  static final String EXPORT = "disk";
  private static final int SECTOR = 512;
  private static final Duration READY = Duration.ofSeconds(30);
  private static final Duration END = Duration.ofSeconds(60);
  // Of sun_path's 108 bytes, with the name and the closing zero.
  private static final int MAX_SOCKET_PATH = 107;

  private static final ExecutorService STARTER =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("disk-processes").factory());

  private final Process process;
  private final Path directory;

  private QemuNbd(Process process, Path directory) {
    this.process = process;
    this.directory = directory;
  }

  /** Whether this host has qemu-nbd and qemu-img. */
  static boolean available() {
    return find("qemu-nbd") != null && find("qemu-img") != null;
  }

  /** QEMU's disks are whole sectors; it rounds up. */
  static long sectors(long bytes) {
    return Math.addExact(bytes, SECTOR - 1) / SECTOR * SECTOR;
  }

  /** Creates an empty image; the path is absolute. */
  static void create(Path image, DiskFormat format, long size) throws IOException {
    List<String> command = new ArrayList<>(List.of(program("qemu-img", format), "create", "-q"));
    command.addAll(List.of("-f", format.driver()));
    String options =
        switch (format) {
          case RAW, VDI -> "";
          case QCOW2 -> "compat=1.1";
          case VMDK -> "subformat=monolithicSparse";
          case VHD -> "subformat=dynamic,force_size=on";
          case VHDX -> "subformat=dynamic";
        };
    if (!options.isEmpty()) {
      command.addAll(List.of("-o", options));
    }
    command.addAll(List.of("--", image.toString(), Long.toString(sectors(size))));
    Path directory = Files.createTempDirectory("crossdock-");
    try {
      Process process = start(command, directory);
      if (!await(process, END) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException("qemu-img cannot create the disk: " + log(directory));
      }
    } finally {
      delete(directory);
    }
  }

  /** Serves an image and returns when it answers; the path is absolute. */
  static QemuNbd serve(Path image, DiskFormat format, boolean readOnly) throws IOException {
    long deadline = System.nanoTime() + READY.toNanos();
    for (; ; ) {
      QemuNbd server = launch(image, format, readOnly);
      if (server.becomesReady(deadline)) {
        return server;
      }
      String log = log(server.directory);
      server.close();
      // The one before may still be dying, after its JVM was killed.
      if (!log.contains("lock") || System.nanoTime() > deadline) {
        throw new IOException("qemu-nbd does not serve the disk: " + log);
      }
    }
  }

  private static QemuNbd launch(Path image, DiskFormat format, boolean readOnly)
      throws IOException {
    String program = program("qemu-nbd", format);
    Path directory = Files.createTempDirectory("crossdock-");
    try {
      Path socket = directory.resolve("nbd");
      if (socket.toString().getBytes(UTF_8).length > MAX_SOCKET_PATH) {
        throw new IOException("java.io.tmpdir is too long a path for a unix socket");
      }
      List<String> command = new ArrayList<>(List.of(program, "--socket=" + socket));
      command.addAll(List.of("--export-name=" + EXPORT, "--persistent", "--shared=4"));
      command.addAll(List.of("--discard=unmap", "--detect-zeroes=off", "--aio=threads"));
      if (readOnly) {
        command.add("--read-only");
      }
      // A fixed file driver below keeps QEMU from reading a protocol into the name.
      String options = "driver=" + format.driver() + ",file.driver=file,file.filename=";
      if (format == DiskFormat.VHD) {
        // Else the size follows from cylinders and heads for some creators.
        options = "force_size_calc=current_size," + options;
      }
      command.addAll(List.of("--image-opts", options + image.toString().replace(",", ",,")));
      return new QemuNbd(start(command, directory), directory);
    } catch (Throwable e) {
      delete(directory);
      throw e;
    }
  }

  private boolean becomesReady(long deadline) throws IOException {
    while (process.isAlive() && System.nanoTime() < deadline) {
      if (Files.exists(socket())) {
        try (NbdClient client = NbdClient.connect(socket(), EXPORT)) {
          return client.size() > 0;
        } catch (IOException e) {
          // Bound, but not listening yet; or it has just ended.
        }
      }
      await(process, Duration.ofMillis(10));
    }
    return false;
  }

  Path socket() {
    return directory.resolve("nbd");
  }

  /** Ends it in order, so that it writes back and closes the image; throws if it did not. */
  void stop() throws IOException {
    process.destroy();
    boolean ended = await(process, END);
    String log = log(directory);
    close();
    if (!ended || process.exitValue() != 0) {
      throw new IOException("qemu-nbd did not close the disk in order: " + log);
    }
  }

  @Override
  public void close() throws IOException {
    process.destroy();
    if (!await(process, END)) {
      process.destroyForcibly();
    }
    delete(directory);
  }

  private static String program(String name, DiskFormat format) throws FormatUnavailable {
    String path = find(name);
    if (path == null) {
      throw new FormatUnavailable(format, name);
    }
    return path;
  }

  private static @Nullable String find(String program) {
    String path = System.getenv("PATH");
    for (String directory : (path == null ? "/usr/bin:/bin" : path).split(File.pathSeparator, -1)) {
      Path candidate = Path.of(directory).resolve(program).toAbsolutePath();
      if (Files.isExecutable(candidate) && Files.isRegularFile(candidate)) {
        return candidate.toString();
      }
    }
    return null;
  }

  private static Process start(List<String> command, Path directory) throws IOException {
    List<String> whole = new ArrayList<>();
    String setpriv = find("setpriv");
    if (setpriv != null) {
      whole.addAll(List.of(setpriv, "--pdeathsig", "KILL", "--"));
    }
    whole.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(whole);
    builder.directory(directory.toFile());
    builder.environment().clear();
    builder.environment().put("LC_ALL", "C");
    builder.redirectErrorStream(true).redirectOutput(directory.resolve("log").toFile());
    builder.redirectInput(new File("/dev/null"));
    try {
      return STARTER.submit(builder::start).get();
    } catch (ExecutionException e) {
      throw new IOException("cannot start " + command.getFirst(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static boolean await(Process process, Duration most) throws IOException {
    try {
      return process.waitFor(most.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static String log(Path directory) throws IOException {
    try (InputStream log = Files.newInputStream(directory.resolve("log"))) {
      return new String(log.readNBytes(1000), UTF_8).strip();
    }
  }

  private static void delete(Path directory) throws IOException {
    for (String name : List.of("nbd", "log")) {
      Files.deleteIfExists(directory.resolve(name));
    }
    Files.deleteIfExists(directory);
  }
}
