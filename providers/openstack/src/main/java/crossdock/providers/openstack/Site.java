package crossdock.providers.openstack;

import crossdock.contracts.Json;
import crossdock.providers.Tag;
import crossdock.providers.files.Durable;
import crossdock.providers.files.Fences;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What this side remembers of its migrations, written before anything is made in the cloud, and
 * whose turn it is: whoever needs several takes the tag's first, then the machine's, then the
 * site's.
 *
 * @param root a directory, of one side of one site
 */
record Site(Path root) {
  private static final int LONGEST = 1 << 20;

  static Site at(Path root) throws IOException {
    for (String part : List.of("reservations", "holds", "made", "fences", "locks")) {
      Files.createDirectories(root.resolve(part));
    }
    return new Site(root.toRealPath());
  }

  Turn turn(Tag tag) throws IOException {
    return Turn.take(root.resolve("locks").resolve("tag-" + tag.name()));
  }

  Turn turn(String server) throws IOException {
    return Turn.take(root.resolve("locks").resolve("server-" + server));
  }

  /** Over how much room is left. */
  Turn turn() throws IOException {
    return Turn.take(root.resolve("locks").resolve("site"));
  }

  /** Turns away who was overtaken; that is no verdict. */
  void admit(Tag tag) throws IOException {
    new Fences(root.resolve("fences")).admit(tag);
  }

  /** 32 random bytes of this side, made once. */
  byte[] key() throws IOException {
    Path file = root.resolve("key");
    try (Turn _ = turn()) {
      if (!Durable.isFile(file)) {
        byte[] key = new byte[32];
        new SecureRandom().nextBytes(key);
        Durable.write(file, key);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      }
      return Durable.read(file, 32);
    }
  }

  /**
   * The id of what was made under that name for a migration. What merely has the name or the tag
   * may be somebody else's doing: it is the customer's project.
   */
  Optional<String> made(Tag tag, String name) throws IOException {
    return read(file("made", tag), Made.class).map(made -> made.ids().get(name));
  }

  void keepMade(Tag tag, String name, String id) throws IOException {
    Map<String, String> ids = new TreeMap<>();
    read(file("made", tag), Made.class).ifPresent(made -> ids.putAll(made.ids()));
    ids.put(name, id);
    Durable.write(file("made", tag), Json.bytes(new Made(ids)));
  }

  private record Made(Map<String, String> ids) {}

  Optional<Hold> hold(Tag tag) throws IOException {
    return read(file("holds", tag), Hold.class);
  }

  void keep(Tag tag, Hold hold) throws IOException {
    Durable.write(file("holds", tag), Json.bytes(hold));
  }

  void dropHold(Tag tag) throws IOException {
    Durable.erase(file("made", tag));
    Durable.erase(file("holds", tag));
  }

  Optional<Reservation> reservation(Tag tag) throws IOException {
    return read(file("reservations", tag), Reservation.class);
  }

  List<Reservation> reservations() throws IOException {
    List<Reservation> all = new ArrayList<>();
    for (Path file : Durable.list(root.resolve("reservations"))) {
      if (!String.valueOf(file.getFileName()).startsWith(".")) {
        read(file, Reservation.class).ifPresent(all::add);
      }
    }
    return all;
  }

  void keep(Tag tag, Reservation reservation) throws IOException {
    Durable.write(file("reservations", tag), Json.bytes(reservation));
  }

  void dropReservation(Tag tag) throws IOException {
    Durable.erase(file("made", tag));
    Durable.erase(file("reservations", tag));
  }

  private Path file(String part, Tag tag) {
    return root.resolve(part).resolve(tag.name() + ".json");
  }

  private static <T> Optional<T> read(Path file, Class<T> type) throws IOException {
    return Durable.isFile(file)
        ? Optional.of(Json.read(Durable.read(file, LONGEST), type))
        : Optional.empty();
  }
}
