package crossdock.providers.kvm;

import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.providers.DiskTicket;
import crossdock.providers.Tag;
import crossdock.providers.files.Durable;
import crossdock.providers.files.Fences;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where things lie, and whose turn it is: whoever needs several takes the tag's first, then the
 * machine's, then the site's. Links are not followed below the root.
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
      if (!Durable.isDirectory(part)) {
        Files.createDirectories(part);
        Durable.sync(site.root);
      }
      if (!Durable.isDirectory(part)) {
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

  /** Turns away who was overtaken; that is no verdict. */
  void admit(Tag tag) throws IOException {
    new Fences(root.resolve("fences")).admit(tag);
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
    for (Path directory : Durable.list(root.resolve(part))) {
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
    if (!Durable.isDirectory(directory) || !Durable.isFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Json.read(Durable.read(file, LONGEST_STATE), State.class));
    } catch (NoSuchFileException | Refused e) {
      if (Durable.isFile(file)) {
        throw e;
      }
      return Optional.empty(); // removed meanwhile
    }
  }

  void write(Path directory, State state) throws IOException {
    Durable.write(directory.resolve(STATE), Json.bytes(state));
  }

  /** Shows a complete directory as a machine; what does not belong to it is deleted before. */
  void publish(Path place, State state) throws IOException {
    List<String> belonging = new ArrayList<>(List.of(STATE));
    state.machine().disks().forEach(disk -> belonging.add(file(disk)));
    for (Path entry : Durable.list(place)) {
      if (!belonging.contains(String.valueOf(entry.getFileName()))) {
        Durable.erase(entry);
      }
    }
    write(place, state);
    Durable.move(place, machine(state.machine().id()));
  }

  /** Out of sight in one instant, however long erasing takes. */
  void discard(Path directory, Tag tag) throws IOException {
    Path trash = root.resolve("trash").resolve(tag.name());
    Durable.erase(trash);
    Durable.move(directory, trash);
    Durable.erase(trash);
  }

  /** Ends an erasing that was begun; says whether there was one. */
  boolean finishDiscarding(Tag tag) throws IOException {
    return Durable.erase(root.resolve("trash").resolve(tag.name()));
  }
}
