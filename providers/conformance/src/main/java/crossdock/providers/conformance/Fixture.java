package crossdock.providers.conformance;

import crossdock.contracts.Machine;
import crossdock.providers.Cloud;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * One site for one test, with one machine of one owner on it and room for more. Disk sizes are
 * whole MiB, so that no format has to round them.
 */
public interface Fixture {
  /** A new instance over the same site, as a process sees it that was killed and started again. */
  Cloud cloud() throws IOException;

  /** The site's directory, which tickets are relative to. */
  Path root();

  /** Whose {@link #machine} is. */
  String owner();

  /** The id of a machine that can be moved away; running, where machines run. */
  String machine();

  /**
   * What a disk of that machine begins with, as its guest sees it; all that follows is zero, and
   * the guest writes nothing.
   */
  byte[] content(String disk);

  /**
   * A machine as planned for this site, of at least one disk and two network cards; its id means
   * nothing yet.
   *
   * @param number 1 to 65535; another one is the same machine with other addresses
   */
  Machine planned(int number);

  /**
   * What a disk of that one is to begin with, zeros following; where machines run, it then gives a
   * sign of life.
   */
  byte[] image(String disk);

  /** How many such machines fit beside the one that is there, 1 to 8. */
  int room();

  /** Whether a machine runs, not asked of the adapter under test; false where none does. */
  boolean runs(String machine) throws IOException;

  /**
   * First parts of paths below {@link #root} that may change or stay for good: what is remembered
   * of fences, logs, sockets, and what a dock gathers.
   */
  Set<String> remembered();

  /** What is there, by what names it: everything that a migration may leave behind. */
  default Map<String, String> inventory() throws IOException {
    return Inventory.of(this);
  }
}
