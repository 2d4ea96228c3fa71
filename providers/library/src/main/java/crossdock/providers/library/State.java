package crossdock.providers.library;

import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.providers.files.Durable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What OVF has no place for, in {@code crossdock.json} beside the descriptor. A package without it
 * is nobody's.
 *
 * @param owner the {@code sub} of whom the machine is
 * @param tag name of the migration's tag that it was made under, until it is accepted
 * @param reserved what was reserved under that tag
 * @param lockedBy name of the tag that keeps it from being started
 * @param kept whether it was given up to a copy elsewhere, for good
 */
record State(
    String owner,
    Optional<String> tag,
    Optional<Machine> reserved,
    Optional<String> lockedBy,
    boolean kept) {
  static final String FILE = "crossdock.json";
  private static final int LONGEST = 1 << 20;

  State {
    if (owner.isBlank() || owner.length() > 255) {
      throw new Refused("an owner has 1 to 255 characters");
    }
  }

  static State ownedBy(String owner) {
    return new State(owner, Optional.empty(), Optional.empty(), Optional.empty(), false);
  }

  static State reserved(String owner, String tag, Machine machine) {
    return new State(owner, Optional.of(tag), Optional.of(machine), Optional.empty(), false);
  }

  State accepted() {
    return ownedBy(owner);
  }

  State lockedBy(String holder) {
    return new State(owner, tag, reserved, Optional.of(holder), false);
  }

  State unlocked() {
    return new State(owner, tag, reserved, Optional.empty(), false);
  }

  State givenUp() {
    return new State(owner, tag, reserved, lockedBy, true);
  }

  boolean isLockedBy(String holder) {
    return lockedBy.filter(holder::equals).isPresent();
  }

  /** The state in a package's directory; empty if there is no such package or nobody owns it. */
  static Optional<State> in(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    if (!Durable.isDirectory(directory) || !Durable.isFile(file)) {
      return Optional.empty();
    }
    return Optional.of(Json.read(Durable.read(file, LONGEST), State.class));
  }

  void write(Path directory) throws IOException {
    Durable.write(directory.resolve(FILE), Json.bytes(this));
  }
}
