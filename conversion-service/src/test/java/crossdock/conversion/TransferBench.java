package crossdock.conversion;

import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Certificate;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Sha256;
import crossdock.contracts.Subject;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Two docks for bench/transfer.sh, each in a process of its own that lives until its input ends:
 * one serves a disk, the other pulls it once for each byte that it is given, and says how long that
 * took. What is around them, orders and the log, is left out.
 */
final class TransferBench {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "bench"), "one");
  private static final String NAME = "root";

  private TransferBench() {}

  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    switch (arguments[0]) {
      case "serve" -> serve(directory, arguments[2], Path.of(arguments[3]), arguments[4]);
      case "pull" -> pull(directory, arguments[2]);
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private static void serve(Path directory, String host, Path image, String format)
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
    Files.createLink(north.resolve("site").resolve(image.getFileName()), image);
    try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, all);
        DiskSource disk =
            Disks.openSource(image, DiskFormat.fromWire(format), Long.MAX_VALUE >>> 1)) {
      Openings openings = server.getApplicationContext().getBean(Openings.class);
      long began = System.nanoTime();
      Manifest manifest;
      try (LeafFile.Writer leaves = new LeafFile.Writer(openings.leaves(ID, NAME))) {
        manifest = DiskHasher.hash(disk, leaves);
        leaves.finish();
      }
      double hashed = (System.nanoTime() - began) / 1e9;
      Certificate.Disk certified =
          new Certificate.Disk(NAME, new Sha256(manifest.root().hex()), manifest.length());
      openings.open(
          ID,
          new Openings.Opening(
              new DiskTicket.Image(NAME, image.getFileName().toString(), format, manifest.length()),
              Parties.SOUTH.dockUrn(),
              certified));
      Files.write(directory.resolve("disk.json"), Json.bytes(certified));
      System.out.printf("serving %s hashed %.2f%n", server.getURI(), hashed);
      int _ = System.in.read();
    }
  }

  private static void pull(Path directory, String from) throws Exception {
    Properties properties = new Properties();
    try (var in = Files.newInputStream(directory.resolve("south.properties"))) {
      properties.load(in);
    }
    Map<String, Object> all = new HashMap<>();
    properties.stringPropertyNames().forEach(key -> all.put(key, properties.getProperty(key)));
    all.putAll(new TestDatabase().configuration());
    Certificate.Disk disk =
        Json.read(Files.readAllBytes(directory.resolve("disk.json")), Certificate.Disk.class);
    try (ApplicationContext context = ApplicationContext.run(all)) {
      DockMessage.Fetch order =
          new DockMessage.Fetch(
              ID,
              1,
              URI.create(from),
              Parties.NORTH.dockUrn(),
              List.of(disk),
              Optional.empty(),
              List.of());
      Pull pull = context.getBean(Pull.class);
      DiskTicket ticket = new DiskTicket.Image(NAME, "disk.raw", "raw", disk.length());
      System.out.println("ready");
      while (System.in.read() >= 0) {
        AtomicLong told = new AtomicLong();
        long began = System.nanoTime();
        try (Shelf.Disks here = context.getBean(Shelf.class).open(List.of())) {
          pull.disk(
              order,
              disk,
              ticket,
              Layer.of(List.of(), directory),
              here,
              pull.own(order),
              () -> true,
              new Meter(disk.length(), told::set));
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        System.out.printf("pulled %d bytes in %.3f s%n", told.get(), seconds);
        pull.forget(ID);
        Files.delete(directory.resolve("south/site/disk.raw"));
      }
    }
  }
}
