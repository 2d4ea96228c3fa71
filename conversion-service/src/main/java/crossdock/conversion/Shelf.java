package crossdock.conversion;

import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.disk.BadImageException;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.MerkleTree;
import crossdock.disk.Sha256;
import crossdock.providers.DiskTicket;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.annotation.Value;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Disks that lie at this site, whose chunks need not cross from another: the site's public images,
 * which its provider puts into a directory, and earlier disks of the customer whose machine comes.
 * Never anybody else's, for who names a digest need not have what it is of. A chunk is looked for
 * in its own place of each disk only: machines of one image have it there.
 *
 * <p>What is known of a disk is a file with its leaves; a chunk is believed when it still has its
 * leaf. Thread-safe.
 */
@Singleton
final class Shelf {
  private static final Logger LOG = LoggerFactory.getLogger(Shelf.class);
  private static final String LEARNING = "learning";
  private static final int DISKS = 64; // that one fetch looks into
  private static final int KNOWN = 4096; // disks whose leaves are kept
  private static final Set<String> FORMATS =
      Stream.of(DiskFormat.values()).map(DiskFormat::wire).collect(Collectors.toUnmodifiableSet());
  private static final Pattern NAME =
      Pattern.compile("[0-9a-f]{64}\\.([0-9]{1,15})\\.([0-9a-f]{64})");

  private final Sites sites;
  private final Path known;
  private final Optional<Path> images;
  private final long largest;
  private final Counter held;
  private volatile boolean closed;

  /**
   * @param images a directory of what this provider offers to everybody, each file named by its
   *     format: {@code debian-12.qcow2}; none if empty
   */
  Shelf(
      Sites sites,
      MeterRegistry meters,
      @Value("${crossdock.work}") Path work,
      @Value("${crossdock.dock.images:}") String images,
      @Value("${crossdock.disk.largest:70368744177664}") long largest)
      throws IOException {
    this.sites = sites;
    this.known = Files.createDirectories(work.resolve("known"));
    for (Path left : list(work)) {
      if (left.getFileName().toString().startsWith(LEARNING)) {
        Files.delete(left); // by one that was killed
      }
    }
    this.images = images.isEmpty() ? Optional.empty() : Optional.of(Path.of(images));
    this.largest = largest;
    this.held = meters.counter("crossdock.dock.held", "unit", "byte");
  }

  /**
   * Takes over the leaves of a disk that was read here, if it lies in a file.
   *
   * @param leaves is moved
   */
  void keep(DiskTicket ticket, Path leaves, Manifest manifest) throws IOException {
    if (ticket instanceof DiskTicket.Image image && Files.exists(leaves)) {
      put(key("disk " + image.path()), leaves, manifest);
    }
  }

  private void put(String key, Path leaves, Manifest manifest) throws IOException {
    for (Path before : of(key)) {
      Files.deleteIfExists(before);
    }
    Files.move(
        leaves,
        known.resolve(key + "." + manifest.length() + "." + manifest.root()),
        StandardCopyOption.ATOMIC_MOVE);
    List<Path> all = list(known);
    if (all.size() > KNOWN) {
      all.stream()
          .sorted(Comparator.comparing(Shelf::modified))
          .limit(all.size() - KNOWN)
          .forEach(Shelf::delete);
    }
  }

  private static FileTime modified(Path file) {
    try {
      return Files.getLastModifiedTime(file);
    } catch (IOException e) {
      return FileTime.fromMillis(0);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("{} stays", file, e);
    }
  }

  private List<Path> of(String key) throws IOException {
    return list(known).stream()
        .filter(file -> file.getFileName().toString().startsWith(key + "."))
        .toList();
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }

  private static String key(String what) {
    return crossdock.contracts.Sha256.of(what.getBytes(UTF_8)).hex();
  }

  /**
   * What one fetch may take from here.
   *
   * @param own tickets of disks of the customer whose machine comes
   */
  Disks open(List<DiskTicket> own) throws IOException {
    List<Lying> disks = new ArrayList<>();
    try {
      for (DiskTicket ticket : own) {
        if (ticket instanceof DiskTicket.Image image && disks.size() < DISKS) {
          open(key("disk " + image.path()), () -> sites.source(image), disks);
        }
      }
      for (Path image : images()) {
        if (disks.size() < DISKS) {
          open(key(image), () -> openImage(image), disks);
        }
      }
    } catch (Throwable e) {
      new Disks(disks, held).close();
      throw e;
    }
    return new Disks(disks, held);
  }

  private interface Opening {
    DiskSource open() throws IOException;
  }

  /** A disk that cannot be read, or has gone, is no disk that lies here. */
  private void open(String key, Opening opening, List<Lying> into) {
    try {
      openAll(key, opening, into);
    } catch (IOException | RuntimeException e) {
      LOG.debug("what is known of a disk is not read", e);
    }
  }

  private void openAll(String key, Opening opening, List<Lying> into) throws IOException {
    for (Path file : of(key)) {
      Matcher name = NAME.matcher(file.getFileName().toString());
      if (!name.matches()) {
        continue;
      }
      Manifest manifest = new Manifest(Long.parseLong(name.group(1)), new Sha256(name.group(2)));
      LeafFile leaves;
      try {
        leaves = LeafFile.open(file, manifest);
      } catch (BadImageException e) {
        // Cut short by a loss of power, or of a disk that was registered otherwise than it came.
        Files.deleteIfExists(file);
        continue;
      }
      try {
        into.add(new Lying(leaves, opening.open()));
      } catch (IOException | RuntimeException e) {
        // Also whatever a reader makes of an image that somebody writes meanwhile.
        LOG.debug("{} does not lie here any more", file.getFileName(), e);
        leaves.close();
      }
    }
  }

  /** Hashes the public images that are new or others than they were, one after the other. */
  @Scheduled(initialDelay = "10s", fixedDelay = "1m")
  void learn() {
    for (Path image : images()) {
      try {
        String key = key(image);
        if (of(key).isEmpty() && !closed) {
          learn(image, key);
        }
      } catch (IOException | RuntimeException e) {
        LOG.warn("{} is not looked at: {}", image.getFileName(), e.getMessage());
      }
    }
  }

  private void learn(Path image, String key) throws IOException {
    Path file = known.resolveSibling(LEARNING);
    try (DiskSource disk = openImage(image);
        LeafFile.Writer leaves = new LeafFile.Writer(file)) {
      Manifest manifest = DiskHasher.hash(disk, stopping(leaves));
      leaves.finish();
      put(key, file, manifest);
      LOG.info("{} is known: {} chunks", image.getFileName(), manifest.chunks());
    }
  }

  private DiskHasher.Leaves stopping(DiskHasher.Leaves leaves) {
    return new DiskHasher.Leaves() {
      @Override
      public void leaf(long chunk, Sha256 hash) throws IOException {
        if (closed) {
          throw new IOException("the dock ends");
        }
        leaves.leaf(chunk, hash);
      }

      @Override
      public void zeros(long chunk, long count) throws IOException {
        leaves.zeros(chunk, count);
      }
    };
  }

  @PreDestroy
  void close() {
    closed = true;
  }

  private List<Path> images() {
    if (images.isEmpty()) {
      return List.of();
    }
    try {
      return list(images.get()).stream()
          .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .filter(file -> format(file).isPresent())
          .toList();
    } catch (IOException e) {
      LOG.warn("public images: {}", e.toString());
      return List.of();
    }
  }

  private DiskSource openImage(Path image) throws IOException {
    return crossdock.disk.Disks.openSource(image, format(image).orElseThrow(), largest);
  }

  private static Optional<DiskFormat> format(Path image) {
    String name = image.getFileName().toString();
    String suffix = name.substring(name.lastIndexOf('.') + 1);
    return FORMATS.contains(suffix) ? Optional.of(DiskFormat.fromWire(suffix)) : Optional.empty();
  }

  private static String key(Path image) throws IOException {
    BasicFileAttributes now = Files.readAttributes(image, BasicFileAttributes.class);
    return key("image %s %d %s".formatted(image, now.size(), now.lastModifiedTime()));
  }

  /** A disk and what it was when it was hashed. */
  private record Lying(LeafFile leaves, DiskSource disk) {}

  /** Opened for one fetch. Thread-safe but for closing. */
  static final class Disks implements Closeable {
    private final List<Lying> disks;
    private final Counter held;

    private Disks(List<Lying> disks, Counter held) {
      this.disks = List.copyOf(disks);
      this.held = held;
    }

    /** Whether a chunk was here when its disk was hashed. */
    boolean had(long chunk, Sha256 leaf) throws IOException {
      return find(chunk, leaf).isPresent();
    }

    /** Reads it, if it is here still. */
    boolean read(long chunk, Sha256 leaf, ByteBuffer into) {
      try {
        Optional<Lying> disk = find(chunk, leaf);
        if (disk.isPresent()) {
          disk.get().disk().read(chunk * Manifest.CHUNK, into);
          into.flip();
          if (MerkleTree.leaf(into.duplicate()).equals(leaf)) {
            held.increment(into.remaining());
            return true;
          }
        }
      } catch (IOException | RuntimeException | InternalError e) {
        // Whoever runs on it may write it meanwhile, or cut off a file that is mapped.
        LOG.debug("chunk {} is not read here", chunk, e);
      }
      return false;
    }

    private Optional<Lying> find(long chunk, Sha256 leaf) throws IOException {
      for (Lying one : disks) {
        boolean whole = (chunk + 1) * Manifest.CHUNK <= one.disk().size();
        if (whole && chunk < one.leaves().chunks() && one.leaves().at(chunk).leaf().equals(leaf)) {
          return Optional.of(one);
        }
      }
      return Optional.empty();
    }

    @Override
    public void close() {
      for (Lying one : disks) {
        try (LeafFile _ = one.leaves()) {
          one.disk().close();
        } catch (IOException e) {
          LOG.debug("a disk that lies here does not close", e);
        }
      }
    }
  }
}
