package crossdock.providers.library;

import crossdock.contracts.Refused;
import crossdock.providers.Tag;
import crossdock.providers.files.Durable;
import crossdock.providers.files.Fences;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Where things lie in a library.
 *
 * @param root a real path
 */
record Site(Path root) {
  static final String LOCK = "lock";
  static final String FENCES = "fences";

  /** The grammar of {@link crossdock.contracts.Machine}'s id: never a path. */
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

  /** The library at that directory, made if it is not there. */
  static Site at(Path directory) throws IOException {
    Site site = new Site(Files.createDirectories(directory).toRealPath());
    for (Path part :
        new Path[] {site.machines(), site.incoming(), site.trash(), site.root.resolve(FENCES)}) {
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

  /** One directory for each package. */
  Path machines() {
    return root.resolve("machines");
  }

  Path machine(String id) {
    if (!isId(id)) {
      throw new Refused("no machine has such an id");
    }
    return machines().resolve(id);
  }

  /** What is reserved and written, by the tag's name. */
  Path incoming() {
    return root.resolve("incoming");
  }

  /** What is no more, or not yet: erased by whoever comes across it. */
  Path trash() {
    return root.resolve("trash");
  }

  /** The right to change anything here. */
  Turn turn() throws IOException {
    return Turn.take(root.resolve(LOCK));
  }

  /** Like {@link #turn()}, for the newest holder of the tag's job. */
  Turn turn(Tag tag) throws IOException {
    Turn turn = turn();
    try {
      new Fences(root.resolve(FENCES)).admit(tag);
      return turn;
    } catch (Throwable e) {
      turn.close();
      throw e;
    }
  }

  /** Makes a directory visible under another name, with all that is in it. */
  static void publish(Path place, Path target) throws IOException {
    Durable.sync(place);
    Durable.move(place, target);
  }
}
