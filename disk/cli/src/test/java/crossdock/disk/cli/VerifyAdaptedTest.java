package crossdock.disk.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.SignedChain;
import crossdock.chassis.testing.TestChain;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Countersignature.Change;
import crossdock.contracts.Due;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Policy;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.site.testing.World;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What was adapted on its way verifies by its migration's evidence: at the target but for what the
 * countersignature names, and at the source as a whole.
 */
class VerifyAdaptedTest {
  private static final int CHUNK = 1 << 20;
  private static final int SIZE = 3 * CHUNK + 64;

  @TempDir private Path directory;
  private final Parties parties = new Parties();
  private final byte[] source = new byte[SIZE];
  private byte[] target = new byte[0];
  private String said = "";

  @BeforeEach
  void disks() throws IOException {
    parties.configure(Parties.NORTH, directory);
    new Random(3).nextBytes(source);
    target = flipped(source, CHUNK + 7);
  }

  private static byte[] flipped(byte[] disk, int place) {
    byte[] other = disk.clone();
    other[place] ^= 1;
    return other;
  }

  /** Of a migration in which the target registered that disk, and named these chunks. */
  private void evidence(byte[] registered, Change... layer) throws IOException {
    SignedChain chain = new SignedChain(parties, World.ID);
    World world = new World(parties);
    Machine machine = machine();
    chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, false));
    while (due(chain) != Step.CERTIFY) {
      Migration now = chain.migration();
      Step due = due(chain);
      chain.says(
          now.party(due.role()),
          switch (world.says(due, now)) {
            case Fact.Inspected _ -> new Fact.Inspected(machine);
            case Fact.Planned planned -> adapting(planned);
            case Fact other -> other;
          });
    }
    Migration now = chain.migration();
    Bundle certificate =
        new Certificate(
                World.ID,
                Parties.NORTH.id(),
                Parties.SOUTH.id(),
                TestChain.START,
                TestChain.START.plus(Duration.ofHours(1)),
                now.plan().digest(),
                1,
                TestChain.START,
                machine.digest(),
                List.of(new Certificate.Disk("root", root(source), SIZE)),
                Policy.STANDARD,
                Parties.checks())
            .sign(parties.key(Parties.NORTH));
    chain.says(Parties.NORTH, new Fact.Certified(1, true, certificate));
    List<Check> checks = new ArrayList<>(Parties.taken());
    checks.add(
        new Check(
            Countersignature.ADAPTED + "root", 1, Check.Outcome.PASSED, "by UUID in grub.cfg"));
    Countersignature taken =
        new Countersignature(
            World.ID,
            Parties.SOUTH,
            certificate.digest(),
            List.of(layer),
            Map.of("root", root(registered)),
            "vm-9",
            Fact.Proof.READ_BACK,
            Policy.STANDARD,
            checks,
            TestChain.START);
    chain.says(
        Parties.SOUTH,
        new Fact.Imported(
            "vm-9",
            1,
            certificate.digest(),
            Fact.Proof.READ_BACK,
            taken.sign(parties.key(Parties.SOUTH))));
    String events =
        String.join(",", chain.bytes().stream().map(event -> new String(event, UTF_8)).toList());
    Files.writeString(directory.resolve("evidence.json"), "[" + events + "]");
  }

  private static Step due(SignedChain chain) {
    return chain.migration().due().stream().map(Due::step).sorted().findFirst().orElseThrow();
  }

  private static Machine machine() {
    ObjectNode machine = Json.mapper().valueToTree(World.MACHINE);
    machine.set("disks", Json.mapper().valueToTree(List.of(new Machine.Disk("root", "raw", SIZE))));
    return Json.read(Json.bytes(machine), Machine.class);
  }

  private static Fact adapting(Fact.Planned planned) {
    ObjectNode fact = Json.mapper().valueToTree(planned);
    Adaptation root = new Adaptation(Adaptation.Kind.ROOT, List.of(), "root-by-device-name");
    fact.withObject("plan").set("adaptations", Json.mapper().valueToTree(List.of(root)));
    return Json.read(Json.bytes(fact), Fact.Planned.class);
  }

  private Sha256 root(byte[] disk) throws IOException {
    try (DiskSource open = open(disk)) {
      return new Sha256(DiskHasher.hash(open).root().hex());
    }
  }

  private Sha256 leaf(byte[] disk, long wanted) throws IOException {
    List<Sha256> found = new ArrayList<>();
    try (DiskSource open = open(disk)) {
      DiskHasher.hash(
          open,
          (chunk, hash) -> {
            if (chunk == wanted) {
              found.add(new Sha256(hash.hex()));
            }
          });
    }
    return found.getFirst();
  }

  private DiskSource open(byte[] disk) throws IOException {
    Path file = Files.write(directory.resolve("any.raw"), disk);
    return Disks.openSource(file, DiskFormat.RAW, SIZE);
  }

  private int verify(byte[] disk) throws IOException {
    Path image = Files.write(directory.resolve("disk.raw"), disk);
    PrintStream before = System.out;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    System.setOut(new PrintStream(out, true, UTF_8));
    try {
      return Application.run(
          "disk",
          "verify",
          image.toString(),
          "--from",
          "raw",
          "--certificate",
          directory.resolve("evidence.json").toString(),
          "--trust",
          directory.resolve("bundle.json").toString(),
          "--at",
          TestChain.START.toString(),
          "--json");
    } finally {
      System.setOut(before);
      said = out.toString(UTF_8);
    }
  }

  @Test
  void theTargetsDiskIsTheCertifiedOneButForWhatIsNamed() throws IOException {
    evidence(target, new Change("root", 1, leaf(source, 1), leaf(target, 1)));
    assertThat(verify(target)).isZero();
    assertThat(said)
        .contains("\"verified\" : true", "but for 1 chunks that its target adapted")
        .contains("adapted-root PASSED by UUID in grub.cfg");
    assertThat(verify(source)).isZero();
    assertThat(said).contains("root has the certified bytes\"");
  }

  @Test
  void aChangeElsewhereOrAnotherInTheSameChunkDoesNotVerify() throws IOException {
    evidence(target, new Change("root", 1, leaf(source, 1), leaf(target, 1)));
    for (int place : List.of(0, CHUNK + 8, SIZE - 1)) {
      assertThat(verify(flipped(target, place))).isEqualTo(1);
      assertThat(said).contains("\"verified\" : false", "root has other bytes");
    }
    assertThat(verify(flipped(source, CHUNK + 8))).isEqualTo(1);
  }

  @Test
  void aTargetThatNamesLessThanItChangedIsNotBelieved() throws IOException {
    byte[] more = flipped(target, 5);
    evidence(more, new Change("root", 1, leaf(source, 1), leaf(target, 1)));
    assertThat(verify(more)).isEqualTo(1);
    assertThat(said).contains("root has other bytes");
  }

  @Test
  void aTargetThatNamesAnotherLeafThanTheCertifiedOneIsNotBelieved() throws IOException {
    evidence(target, new Change("root", 1, leaf(source, 2), leaf(target, 1)));
    assertThat(verify(target)).isEqualTo(1);
    assertThat(said).contains("root has other bytes");
  }
}
