package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.US_ASCII;

import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.providers.DiskTicket;
import crossdock.providers.Tag;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where things lie, and files that survive a loss of power wholly or not at all. Links are not
 * followed below the root.
 *
 * @param root a real path
 */
record Site(Path root) {
  private static final Logger LOG = LoggerFactory.getLogger(Site.class);

  /** The grammar of {@link Machine}'s id: never a path. */
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

  private static final String STATE = "machine.json";
  private static final int LONGEST_STATE = 1 << 20;

  /** The site at that directory, made if it is not there. */
  static Site at(Path directory) throws IOException {
    Site site = new Site(Files.createDirectories(directory).toRealPath());
    for (String name : List.of("machines", "incoming", "guests", "fences", "locks", "trash")) {
      Path part = site.root.resolve(name);
      if (!isDirectory(part)) {
        Files.createDirectories(part);
        sync(site.root);
      }
      if (!isDirectory(part)) {
        throw new IOException(part + " is a link and not followed");
      }
    }
    return site;
  }

  static boolean isId(String id) {
    return ID.matcher(id).matches();
  }

  Path machine(String id) {
    if (!isId(id)) {
      throw new Refused("no machine has such an id");
    }
    return root.resolve("machines").resolve(id);
  }

  boolean isFree(String id) {
    return isId(id) && !Files.exists(machine(id), LinkOption.NOFOLLOW_LINKS);
  }

  Path incoming(Tag tag) {
    return root.resolve("incoming").resolve(tag.name());
  }

  Turn turn(Tag tag) throws IOException {
    return Turn.take(root.resolve("locks").resolve("tag-" + tag.name()));
  }

  Turn turn(String machine) throws IOException {
    return Turn.take(root.resolve("locks").resolve("machine-" + machine));
  }

  /** Over how much room is left. */
  Turn turn() throws IOException {
    return Turn.take(root.resolve("locks").resolve("site"));
  }

  static String file(Machine.Disk disk) {
    return disk.name() + "." + disk.format();
  }

  /** A ticket for each disk of a machine in that directory. */
  List<DiskTicket> tickets(Machine machine, Path directory) {
    List<DiskTicket> tickets = new ArrayList<>();
    for (Machine.Disk disk : machine.disks()) {
      String path = root.relativize(directory.resolve(file(disk))).toString();
      tickets.add(new DiskTicket.Image(disk.name(), path, disk.format(), disk.virtualBytes()));
    }
    return tickets;
  }

  /** Remembers the largest fence and turns away who has a smaller one; that is no verdict. */
  void admit(Tag tag) throws IOException {
    Path file = root.resolve("fences").resolve(tag.name());
    long seen = Long.MIN_VALUE;
    if (isFile(file)) {
      try {
        seen = Long.parseLong(new String(read(file, 20), US_ASCII));
      } catch (NumberFormatException e) {
        throw new IOException("a fence is not a number", e);
      }
    }
    if (tag.fence() < seen) {
      throw new IOException(
          "%s goes on with fence %d, not %d".formatted(tag.name(), seen, tag.fence()));
    }
    if (tag.fence() > seen) {
      write(file, Long.toString(tag.fence()).getBytes(US_ASCII));
    }
  }

  /** What is registered; a machine that cannot be read does not hide the others. */
  List<State> machines() throws IOException {
    return states("machines");
  }

  List<State> reservations() throws IOException {
    return states("incoming");
  }

  private List<State> states(String part) throws IOException {
    List<State> states = new ArrayList<>();
    for (Path directory : list(root.resolve(part))) {
      try {
        state(directory).ifPresent(states::add);
      } catch (Refused e) {
        LOG.warn("Machine {} is passed over: {}", directory.getFileName(), e.getMessage());
      }
    }
    return states;
  }

  /** The state in a directory; empty if there is none. */
  Optional<State> state(Path directory) throws IOException {
    Path file = directory.resolve(STATE);
    if (!isDirectory(directory) || !isFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Json.read(read(file, LONGEST_STATE), State.class));
    } catch (NoSuchFileException e) {
      return Optional.empty(); // removed meanwhile
    }
  }

  void write(Path directory, State state) throws IOException {
    write(directory.resolve(STATE), Json.bytes(state));
  }

  /** Shows a complete directory as a machine; what does not belong to it is deleted before. */
  void publish(Path place, State state) throws IOException {
    List<String> belonging = new ArrayList<>(List.of(STATE));
    state.machine().disks().forEach(disk -> belonging.add(file(disk)));
    for (Path entry : list(place)) {
      if (!belonging.contains(String.valueOf(entry.getFileName()))) {
        erase(entry);
      }
    }
    write(place, state);
    move(place, machine(state.machine().id()));
  }

  /** Out of sight in one instant, however long erasing takes. */
  void discard(Path directory, Tag tag) throws IOException {
    Path trash = root.resolve("trash").resolve(tag.name());
    erase(trash);
    move(directory, trash);
    erase(trash);
  }

  /** Ends an erasing that was begun; says whether there was one. */
  boolean finishDiscarding(Tag tag) throws IOException {
    return erase(root.resolve("trash").resolve(tag.name()));
  }

  static boolean isFile(Path file) {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
  }

  static boolean isDirectory(Path directory) {
    return Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS);
  }

  static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory)) {
      channel.force(true);
    }
  }

  /** Deletes a directory with all that is in it, or a file; says whether there was anything. */
  static boolean erase(Path tree) throws IOException {
    if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
    sync(parent(tree));
    return true;
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.sorted().toList();
    }
  }

  private static byte[] read(Path file, int most) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      if (channel.size() > most) {
        throw new Refused(file.getFileName() + " is longer than " + most + " bytes");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) channel.size());
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {}
      if (bytes.hasRemaining()) {
        throw new IOException(file.getFileName() + " became shorter while it was read");
      }
      return bytes.array();
    }
  }

  private static void write(Path file, byte[] content) throws IOException {
    Path unfinished = file.resolveSibling("." + file.getFileName() + ".new");
    Files.deleteIfExists(unfinished);
    try (FileChannel channel =
        FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    move(unfinished, file);
  }

  private static void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    sync(parent(to));
    if (!parent(to).equals(parent(from))) {
      sync(parent(from));
    }
  }

  private static Path parent(Path path) {
    return path.resolveSibling("");
  }
}
