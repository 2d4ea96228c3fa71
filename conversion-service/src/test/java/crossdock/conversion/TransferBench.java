package crossdock.conversion;

import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Certificate;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Sha256;
import crossdock.contracts.Subject;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Two docks for bench/transfer.sh, each in a process of its own that lives until its input ends:
 * one hashes and serves a disk, the other pulls it, each once more for each byte that it is given,
 * and says how long that took. What is around them, orders and the log, is left out. Disks are
 * files, or images of an API like Glance's. A third process stands between two others and lets
 * everything arrive later.
 */
final class TransferBench {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "bench"), "one");
  private static final String NAME = "root";
  private static final int PART = 1 << 16;
  private static final int UNDER_WAY = 256; // parts, each way of a connection: 16 MiB

  private TransferBench() {}

  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    switch (arguments[0]) {
      case "serve" -> serve(directory, arguments[2], arguments[3], arguments[4]);
      case "pull" ->
          pull(
              directory,
              arguments[2],
              arguments.length > 3 ? arguments[3] : "",
              arguments.length > 4 ? arguments[4] : "");
      case "delay" ->
          delay(URI.create(arguments[2]), Duration.ofMillis(Long.parseLong(arguments[3])));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  /**
   * @param image a file, or the URL of an image's data
   */
  private static void serve(Path directory, String host, String image, String format)
      throws IOException {
    Parties parties = new Parties();
    Path north = directory.resolve("north");
    Path south = directory.resolve("south");
    for (Path side : List.of(north, south)) {
      Files.createDirectories(side.resolve("site"));
    }
    Properties other = new Properties();
    TestDock.configuration(parties, Parties.SOUTH, south, south.resolve("site"))
        .forEach((key, value) -> other.setProperty(key, value.toString()));
    try (var out = Files.newOutputStream(directory.resolve("south.properties"))) {
      other.store(out, null);
    }
    Map<String, Object> all =
        TestDock.configuration(parties, Parties.NORTH, north, north.resolve("site"));
    all.put("micronaut.server.host", host);
    TestDock.serves(all);
    if (!image.startsWith("http")) {
      Path file = Path.of(image);
      Files.createLink(north.resolve("site").resolve(file.getFileName()), file);
    }
    try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, all)) {
      Sites sites = server.getApplicationContext().getBean(Sites.class);
      Openings openings = server.getApplicationContext().getBean(Openings.class);
      do {
        long began = System.nanoTime();
        Manifest manifest;
        try (DiskSource disk = sites.source(ticket(image, format, 0));
            LeafFile.Writer leaves = new LeafFile.Writer(openings.leaves(ID, NAME))) {
          manifest = DiskHasher.hash(disk, leaves);
          leaves.finish();
        }
        double hashed = (System.nanoTime() - began) / 1e9;
        Certificate.Disk certified =
            new Certificate.Disk(NAME, new Sha256(manifest.root().hex()), manifest.length());
        openings.open(
            ID,
            new Openings.Opening(
                ticket(image, format, manifest.length()), Parties.SOUTH.dockUrn(), certified));
        Files.write(directory.resolve("disk.json"), Json.bytes(certified));
        System.out.printf("serving %s hashed %.3f%n", server.getURI(), hashed);
      } while (System.in.read() >= 0);
    }
  }

  private static DiskTicket ticket(String image, String format, long size) {
    if (!image.startsWith("http")) {
      return new DiskTicket.Image(NAME, Path.of(image).getFileName().toString(), format, size);
    }
    URI uri = URI.create(image);
    DiskTicket.Access access = new DiskTicket.Access(uri.resolve("/v3"), "id", "secret");
    return new DiskTicket.Glance(NAME, uri, access, format, size);
  }

  /**
   * @param target the URL of an image's data, which becomes a VMDK and is read back; a raw file, if
   *     empty
   * @param images a directory of images that lie at this side, if not empty
   */
  private static void pull(Path directory, String from, String target, String images)
      throws Exception {
    Properties properties = new Properties();
    try (var in = Files.newInputStream(directory.resolve("south.properties"))) {
      properties.load(in);
    }
    Map<String, Object> all = new HashMap<>();
    properties.stringPropertyNames().forEach(key -> all.put(key, properties.getProperty(key)));
    all.putAll(new TestDatabase().configuration());
    all.put("crossdock.dock.images", images);
    all.put("crossdock.dock.spool", 0);
    try (ApplicationContext context = ApplicationContext.run(all)) {
      Pull pull = context.getBean(Pull.class);
      Shelf shelf = context.getBean(Shelf.class);
      shelf.learn();
      Counter received =
          context.getBean(MeterRegistry.class).get("crossdock.dock.received").counter();
      System.out.println("ready");
      while (System.in.read() >= 0) {
        Certificate.Disk disk =
            Json.read(Files.readAllBytes(directory.resolve("disk.json")), Certificate.Disk.class);
        DockMessage.Fetch order =
            new DockMessage.Fetch(
                ID,
                1,
                URI.create(from),
                Parties.NORTH.dockUrn(),
                List.of(disk),
                Optional.empty(),
                List.of());
        DiskTicket ticket =
            target.isEmpty()
                ? new DiskTicket.Image(NAME, "disk.raw", "raw", disk.length())
                : ticket(target, "vmdk", disk.length());
        AtomicLong told = new AtomicLong();
        double before = received.count();
        long began = System.nanoTime();
        try (Shelf.Disks here = shelf.open(List.of())) {
          Pull.Turn turn =
              new Pull.Turn(
                  order, pull.own(order), here, () -> true, new Meter(disk.length(), told::set));
          pull.disk(turn, disk, ticket, Layer.of(List.of(), directory));
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        double back = target.isEmpty() ? 0 : readBack(context.getBean(Sites.class), ticket, disk);
        System.out.printf(
            "pulled %d bytes, %.0f received, read back %.3f in %.3f s%n",
            told.get(), received.count() - before, back, seconds);
        pull.forget(ID);
        Files.deleteIfExists(directory.resolve("south/site/disk.raw"));
      }
    }
  }

  private static double readBack(Sites sites, DiskTicket ticket, Certificate.Disk disk)
      throws IOException {
    long began = System.nanoTime();
    Manifest certified = new Manifest(disk.length(), new crossdock.disk.Sha256(disk.root().hex()));
    try (DiskSource there = sites.source(ticket)) {
      if (!DiskHasher.matches(certified, there).matches()) {
        throw new IOException("it reads back otherwise");
      }
    }
    return (System.nanoTime() - began) / 1e9;
  }

  /** What goes between who connects here and that address arrives so much later, each way. */
  private static void delay(URI to, Duration later) throws IOException {
    try (ServerSocket server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress())) {
      System.out.printf("delaying https://127.0.0.1:%d%n", server.getLocalPort());
      while (true) {
        Socket near = server.accept();
        Socket far = new Socket(to.getHost(), to.getPort());
        pass(near, far, later);
        pass(far, near, later);
      }
    }
  }

  private record Part(byte[] bytes, long due) {}

  private static void pass(Socket from, Socket to, Duration later) {
    BlockingQueue<Part> underWay = new ArrayBlockingQueue<>(UNDER_WAY);
    Thread _ =
        Thread.startVirtualThread(
            () -> {
              try {
                from.setTcpNoDelay(true);
                byte[] buffer = new byte[PART];
                int count;
                do {
                  count = from.getInputStream().read(buffer);
                  long due = System.nanoTime() + later.toNanos();
                  underWay.put(new Part(Arrays.copyOf(buffer, Math.max(0, count)), due));
                } while (count >= 0);
              } catch (IOException | InterruptedException e) {
                underWay.offer(new Part(new byte[0], 0));
              }
            });
    Thread _ =
        Thread.startVirtualThread(
            () -> {
              try (from;
                  to) {
                for (Part part = underWay.take(); part.bytes().length > 0; part = underWay.take()) {
                  LockSupport.parkNanos(part.due() - System.nanoTime());
                  to.getOutputStream().write(part.bytes());
                }
              } catch (IOException | InterruptedException e) {
                // one of both has ended
              }
            });
  }
}
