package crossdock.providers.library;

import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.disk.BadImageException;
import crossdock.disk.ova.OvfManifest;
import crossdock.disk.ova.OvfManifest.Digest;
import crossdock.providers.DiskTicket;
import crossdock.providers.files.Durable;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One machine as an OVF package in a directory of its own: {@code <id>.ovf}, {@code <id>.mf} and
 * the disks, in any format.
 */
public final class OvfPackage {
  private final Path directory;
  private final Descriptor descriptor;
  private final OvfManifest digests;

  private OvfPackage(Path directory, Descriptor descriptor, OvfManifest digests) {
    this.directory = directory;
    this.descriptor = descriptor;
    this.digests = digests;
  }

  /**
   * Makes a package of copies of image files, in one instant, in the library at {@code root}.
   *
   * @param machine its disks' formats are those of the files
   * @param owner the {@code sub} of whom it will be
   * @param files per disk of the machine, by its name
   * @throws FileAlreadyExistsException if there is a machine of that id
   * @throws Refused if a name cannot be said in OVF, or a disk has no file
   */
  public static void create(Path root, Machine machine, String owner, Map<String, Path> files)
      throws IOException {
    Descriptor descriptor = Descriptor.of(machine);
    byte[] ovf = descriptor.write();
    Site site = Site.at(root);
    Path target = site.machine(machine.id());
    try (Turn _ = site.turn()) {
      Path place = site.trash().resolve("create-" + machine.id());
      Durable.erase(place);
      if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        throw new FileAlreadyExistsException(target.toString());
      }
      try {
        fill(place, machine, ovf, files);
        State.ownedBy(owner).write(place);
        Site.publish(place, target);
      } finally {
        // Gone if it was published; half a package would keep its room on a disk that may be full.
        Durable.erase(place);
      }
    }
  }

  private static void fill(Path place, Machine machine, byte[] ovf, Map<String, Path> files)
      throws IOException {
    Files.createDirectory(place);
    Map<String, Sha256> digests = new LinkedHashMap<>();
    for (Machine.Disk disk : machine.disks()) {
      Path file = files.get(disk.name());
      if (file == null) {
        throw new Refused("no file for disk " + disk.name());
      }
      String name = Descriptor.fileOf(disk);
      digests.put(name, Durable.copy(file.toRealPath(), place.resolve(name)));
    }
    complete(place, machine.id(), ovf, digests);
  }

  /** Writes the descriptor of a machine whose disks lie in {@code place} already, and digests. */
  static void complete(Path place, String id, byte[] ovf, Map<String, Sha256> disks)
      throws IOException {
    Map<String, Sha256> digests = new LinkedHashMap<>();
    digests.put(id + ".ovf", Sha256.of(ovf));
    digests.putAll(disks);
    Durable.write(place.resolve(id + ".ovf"), ovf);
    Map<String, Digest> manifest = new LinkedHashMap<>();
    digests.forEach((file, hash) -> manifest.put(file, new Digest(Digest.SHA256, hash.hex())));
    Durable.write(place.resolve(id + ".mf"), new OvfManifest(manifest).bytes());
  }

  /**
   * Reads the package that has its id from its directory's name.
   *
   * @throws Refused if there is none, or it is not whole, or its descriptor is not the one that the
   *     digests were made for
   */
  static OvfPackage read(Path directory) throws IOException {
    if (!Durable.isDirectory(directory)) {
      throw new Refused("no such package");
    }
    String id = String.valueOf(directory.getFileName());
    byte[] ovf = Durable.read(directory.resolve(id + ".ovf"), Descriptor.LONGEST);
    OvfPackage found =
        new OvfPackage(
            directory, Descriptor.read(ovf, id), manifest(directory.resolve(id + ".mf")));
    if (!found.confirms(id + ".ovf", Sha256.of(ovf))) {
      throw new Refused("the descriptor is not the one in the manifest");
    }
    return found;
  }

  private static OvfManifest manifest(Path file) throws IOException {
    try {
      return OvfManifest.parse(Durable.read(file, OvfManifest.LONGEST));
    } catch (BadImageException e) {
      throw new Refused("the manifest is refused: " + e.getMessage(), e);
    }
  }

  /** Whether a file has the digest that the manifest says; one that is not there has not. */
  private boolean confirms(String file, Sha256 found) {
    return digests.of(file).equals(Optional.of(new Digest(Digest.SHA256, found.hex())));
  }

  Machine machine() {
    return descriptor.machine();
  }

  /**
   * Reads every disk's file.
   *
   * @throws Refused if one is not what the digests were made for
   */
  void verifyDisks() throws IOException {
    for (int i = 0; i < descriptor.files().size(); i++) {
      String name = descriptor.files().get(i);
      Path file = directory.resolve(name);
      Machine.Disk disk = machine().disks().get(i);
      if (!Durable.isFile(file)) {
        throw new Refused("no plain file for disk " + disk.name());
      }
      if (disk.format().equals("raw") && Files.size(file) != disk.virtualBytes()) {
        throw new Refused("disk " + disk.name() + " has not the size of its descriptor");
      }
      if (!confirms(name, Durable.digest(file))) {
        throw new Refused("disk " + disk.name() + " is not the one in the manifest");
      }
    }
  }

  /** One ticket per disk, with paths below {@code root}. */
  List<DiskTicket> tickets(Path root) {
    List<DiskTicket> tickets = new ArrayList<>();
    for (int i = 0; i < descriptor.files().size(); i++) {
      Machine.Disk disk = machine().disks().get(i);
      Path file = directory.resolve(descriptor.files().get(i));
      tickets.add(ticket(root, disk, file));
    }
    return List.copyOf(tickets);
  }

  static DiskTicket ticket(Path root, Machine.Disk disk, Path file) {
    return new DiskTicket.Image(
        disk.name(), root.relativize(file).toString(), disk.format(), disk.virtualBytes());
  }
}
