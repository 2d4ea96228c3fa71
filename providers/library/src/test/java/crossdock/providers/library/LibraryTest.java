package crossdock.providers.library;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.files.Durable;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryTest {
  private static final String ID = "web-1";

  private final Path directory;
  private final LibraryFixture fixture;
  private final Path machines;

  LibraryTest(@TempDir Path directory) throws IOException {
    this.directory = directory;
    this.fixture = new LibraryFixture(directory, "raw");
    this.machines = fixture.root().resolve("machines");
  }

  @Test
  void aPackageIsADescriptorItsDigestsAndItsDisks() throws IOException {
    assertThat(machines.resolve(ID).toFile().list())
        .containsExactlyInAnyOrder(
            "web-1.ovf", "web-1.mf", "root.raw", "data.raw", "crossdock.json");
    assertThat(Files.readAllLines(machines.resolve("web-1/web-1.mf")))
        .hasSize(3)
        .allMatch(line -> line.matches("SHA256\\([a-z0-9.-]+\\)= [0-9a-f]{64}"));
    Machine again = LibraryFixture.machine(ID, "raw", "root", "data");
    assertThatThrownBy(
            () -> OvfPackage.create(fixture.root(), again, "mallory", Map.<String, Path>of()))
        .isInstanceOf(FileAlreadyExistsException.class);
  }

  @Test
  void aPackageThatCannotBeFinishedLeavesNothing() throws Exception {
    Path root = Files.write(directory.resolve("root.img"), fixture.content("root"));
    Path missing = directory.resolve("missing.img");
    Machine half = LibraryFixture.machine("half", "raw", "root", "data");
    assertThatThrownBy(
            () ->
                OvfPackage.create(
                    fixture.root(), half, "alice", Map.of("root", root, "data", missing)))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(fixture.root().resolve("trash")).isEmptyDirectory();
    assertThat(machines.resolve("half")).doesNotExist();
  }

  @Test
  void aDescriptorThatWasChangedHidesThatMachineOnly() throws Exception {
    Path other = directory.resolve("other.img");
    Files.write(other, fixture.content("root"));
    Machine whole = LibraryFixture.machine("whole", "raw", "root");
    OvfPackage.create(fixture.root(), whole, "alice", Map.of("root", other));
    Files.writeString(machines.resolve("web-1/web-1.ovf"), " ", StandardOpenOption.APPEND);
    try (Cloud cloud = fixture.cloud()) {
      assertThat(cloud.machines("alice")).containsExactly(whole);
      assertThat(cloud.machine("alice", ID)).isEmpty();
      assertUnsafe(cloud);
    }
  }

  @Test
  void aDiskThatWasChangedIsNotOpened() throws Exception {
    Path disk = machines.resolve("web-1/data.raw");
    byte[] content = Files.readAllBytes(disk);
    content[7] ^= 1;
    Files.write(disk, content);
    try (Cloud cloud = fixture.cloud()) {
      assertThat(cloud.machine("alice", ID)).isPresent();
      assertUnsafe(cloud);
    }
  }

  @Test
  void aDiskThatIsALinkIsNotFollowed() throws Exception {
    Path disk = machines.resolve("web-1/data.raw");
    Path outside = Files.move(disk, directory.resolve("outside.img"));
    Files.createSymbolicLink(disk, outside);
    try (Cloud cloud = fixture.cloud()) {
      assertUnsafe(cloud);
    }
  }

  @Test
  void aPackageThatIsALinkIsNoMachine() throws Exception {
    Path outside = Files.move(machines.resolve(ID), directory.resolve(ID));
    Files.createSymbolicLink(machines.resolve(ID), outside);
    try (Cloud cloud = fixture.cloud()) {
      assertThat(cloud.machines("alice")).isEmpty();
      assertThatThrownBy(() -> cloud.stop(ID, tag(1, Role.SOURCE))).isInstanceOf(Refusal.class);
    }
  }

  @Test
  void aPartOfTheLibraryThatIsALinkIsNotFollowed() throws Exception {
    Path root = Files.createDirectories(directory.resolve("other"));
    Files.createSymbolicLink(root.resolve("incoming"), directory);
    assertThatThrownBy(() -> new Library(root, Library.FORMATS, 1, 1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("link");
  }

  @Test
  void aWrittenDiskThatIsALinkIsNotRegistered() throws Exception {
    Path outside = Files.write(directory.resolve("secret"), new byte[2 << 20]);
    Tag tag = tag(1, Role.TARGET);
    try (Cloud cloud = fixture.cloud()) {
      cloud.reserve(fixture.planned(1), "alice", tag);
      for (DiskTicket ticket : cloud.prepare(tag)) {
        String path = ((DiskTicket.Image) ticket).path();
        Files.createSymbolicLink(fixture.root().resolve(path), outside);
      }
      assertThatThrownBy(() -> cloud.register(tag)).isInstanceOf(Refusal.class);
      assertThat(cloud.remove(tag)).isTrue();
      assertThat(outside).exists();
    }
  }

  @Test
  void whatAnotherWriterLeftIsNotRegistered() throws Exception {
    Tag tag = tag(1, Role.TARGET);
    try (Cloud cloud = fixture.cloud()) {
      cloud.reserve(fixture.planned(1), "alice", tag);
      Path place = writeAll(cloud, tag);
      Files.createDirectories(place.resolve(".data.raw.partial/new"));
      Files.writeString(place.resolve("planted.ovf"), "x");
      String id = cloud.register(tag);
      assertThat(machines.resolve(id).toFile().list())
          .containsExactlyInAnyOrder(
              id + ".ovf", id + ".mf", "zz-boot.raw", "data.raw", "crossdock.json");
    }
  }

  @Test
  void migrationsOfLikeIdsMakeMachinesOfTheirOwn() throws Exception {
    try (Cloud cloud = fixture.cloud()) {
      String[] ids = new String[2];
      for (int i = 0; i < 2; i++) {
        Tag tag = tag(i, Role.TARGET);
        cloud.reserve(fixture.planned(1), "alice", tag);
        writeAll(cloud, tag);
        ids[i] = cloud.register(tag);
      }
      assertThat(ids[0]).matches("Web----shop---n--00000000");
      assertThat(ids[1]).startsWith(ids[0]).hasSize(ids[0].length() + 16);
    }
  }

  @Test
  void aNewPlanTakesThePlaceOfTheReservedOne() throws Exception {
    try (Cloud cloud = fixture.cloud()) {
      Tag tag = tag(1, Role.TARGET);
      cloud.reserve(fixture.planned(1), "alice", tag);
      writeAll(cloud, tag);
      cloud.reserve(LibraryFixture.machine("planned", "raw", "only"), "alice", tag);
      assertThat(cloud.prepare(tag)).extracting(DiskTicket::disk).containsExactly("only");
      assertThatThrownBy(() -> cloud.register(tag)).isInstanceOf(Refusal.class);
    }
  }

  @Test
  void bytesAreCountedWhenReservedAndWhenThere() throws Exception {
    long there = 0;
    for (Path file : Durable.list(machines.resolve(ID))) {
      there += Files.size(file);
    }
    try (Cloud cloud = new Library(fixture.root(), List.of("raw"), 100, there + 2 * (4L << 20))) {
      cloud.reserve(fixture.planned(1), "alice", tag(1, Role.TARGET));
      cloud.reserve(fixture.planned(1), "alice", tag(2, Role.TARGET));
      assertReason(
          Reason.QUOTA, () -> cloud.reserve(fixture.planned(1), "alice", tag(3, Role.TARGET)));
    }
  }

  @Test
  void aDiskInAFormatThatIsNotTakenIsRefused() throws Exception {
    try (Cloud cloud = fixture.cloud()) {
      Machine vdi = LibraryFixture.machine("planned", "vdi", "root");
      assertReason(Reason.UNMAPPABLE, () -> cloud.reserve(vdi, "alice", tag(1, Role.TARGET)));
    }
  }

  @Test
  void aMachineThatIsNotAcceptedYetIsNotMovedOn() throws Exception {
    try (Cloud cloud = fixture.cloud()) {
      Tag tag = tag(1, Role.TARGET);
      cloud.reserve(fixture.planned(1), "alice", tag);
      writeAll(cloud, tag);
      String id = cloud.register(tag);
      assertReason(Reason.REFUSED_BY_SOURCE, () -> cloud.stop(id, tag(2, Role.SOURCE)));
    }
  }

  @Test
  void anEraseThatWasCutShortIsFinished() throws Exception {
    Tag tag = tag(1, Role.SOURCE);
    Path trash = fixture.root().resolve("trash").resolve(tag.name());
    try (Cloud cloud = fixture.cloud()) {
      cloud.stop(ID, tag);
      Files.move(machines.resolve(ID), trash);
      cloud.retire(ID, tag, true);
    }
    assertThat(trash).doesNotExist();
  }

  private Path writeAll(Cloud cloud, Tag tag) throws IOException, Refusal {
    Path place = fixture.root();
    for (DiskTicket ticket : cloud.prepare(tag)) {
      Path file = fixture.root().resolve(((DiskTicket.Image) ticket).path());
      Files.write(file, fixture.image(ticket.disk()));
      place = file.resolveSibling("");
    }
    return place;
  }

  private static Tag tag(int number, Role side) {
    return new Tag(new MigrationId("m-%024x".formatted(number)), side, 1);
  }

  private static void assertUnsafe(Cloud cloud) {
    assertReason(Reason.UNSAFE_IMAGE, () -> cloud.open(ID, tag(1, Role.SOURCE)));
  }

  /** What is to be said no to. */
  interface Attempt {
    void run() throws IOException, Refusal;
  }

  private static void assertReason(Reason reason, Attempt attempt) {
    assertThatThrownBy(attempt::run)
        .isInstanceOfSatisfying(
            Refusal.class, refusal -> assertThat(refusal.reason()).isEqualTo(reason));
  }
}
