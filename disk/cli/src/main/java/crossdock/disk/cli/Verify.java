package crossdock.disk.cli;

import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Countersignature.Change;
import crossdock.contracts.Evidence;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Manifest;
import crossdock.disk.Sha256;
import crossdock.disk.Swap;
import crossdock.disk.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Holds images against a certificate, offline: believes the pinned members and nobody else. The
 * images are the certificate's disks, in its order, each in whatever format.
 */
final class Verify {
  static final String VERIFY =
      "disk verify IMAGE... --certificate FILE --trust FILE [--members DIRECTORY] [--at TIME]"
          + " [--from FORMAT] [--json]";

  private Verify() {}

  static int verify(Arguments arguments) throws IOException {
    Path bundle = Path.of(arguments.needed("trust"));
    Path members =
        arguments.value("members").map(Path::of).orElseGet(() -> bundle.resolveSibling("members"));
    Instant at = arguments.value("at").map(Verify::time).orElseGet(Instant::now);
    Path file = Path.of(arguments.needed("certificate"));
    Claim claim;
    try {
      TrustBundle trust = TrustBundle.accept(bundle, members, at);
      claim = claim(Files.readAllBytes(file), trust);
    } catch (Refused e) {
      System.err.println(e.getMessage());
      return Application.NO;
    }
    Certificate certificate = claim.certificate();
    if (arguments.words() != certificate.disks().size()) {
      throw new IllegalArgumentException(
          "The certificate is of these disks, in this order: "
              + String.join(
                  " ", certificate.disks().stream().map(Certificate.Disk::name).toList()));
    }
    // One that a target accepted while it was good has done what it is for.
    boolean expired = claim.accepted().isEmpty() && !at.isBefore(certificate.notAfter());
    boolean good = !expired;
    List<String> disks = new ArrayList<>();
    for (int i = 0; i < arguments.words(); i++) {
      Certificate.Disk disk = certificate.disks().get(i);
      Manifest manifest = new Manifest(disk.length(), new Sha256(disk.root().hex()));
      List<Change> layer = claim.accepted().map(one -> one.layer(disk.name())).orElse(List.of());
      try (Image.Opened image = arguments.image(i, "from").open()) {
        if (!layer.isEmpty() && adapted(manifest, claim.registered(disk), layer, image.disk())) {
          disks.add(
              "%s has the certified bytes, but for %d chunks that its target adapted"
                  .formatted(disk.name(), layer.size()));
        } else {
          Verdict verdict = DiskHasher.matches(manifest, image.disk());
          good &= verdict.matches();
          disks.add(disk.name() + " " + sentence(verdict));
        }
      }
    }
    Answer answer = new Answer();
    answer
        .say("verified", good)
        .say("issuer", certificate.issuer())
        .say("audience", certificate.audience())
        .say("migration", certificate.migration())
        .say("verifiedAt", certificate.verifiedAt())
        .say("notAfter", certificate.notAfter())
        .say("expired", expired)
        .say("machine", certificate.machine())
        .say("checks", certificate.checks().stream().map(Verify::sentence).toList())
        .say("disks", disks);
    claim
        .accepted()
        .ifPresent(
            taken ->
                answer
                    .say("registeredBy", taken.site())
                    .say("registeredAs", taken.machine())
                    .say("registeredAt", taken.at())
                    .say("proof", taken.proof())
                    .say("adapted", adapted(taken)));
    answer.print(arguments.has("json"));
    return good ? 0 : Application.NO;
  }

  /**
   * @param accepted by the target, if that is part of it
   */
  private record Claim(Certificate certificate, Optional<Countersignature> accepted) {
    /** A disk as its target has it. */
    Manifest registered(Certificate.Disk disk) {
      String root =
          accepted
              .flatMap(taken -> Optional.ofNullable(taken.roots().get(disk.name())))
              .orElse(disk.root())
              .hex();
      return new Manifest(disk.length(), new Sha256(root));
    }
  }

  /** A certificate alone, or the one in a migration's evidence, with all that is there. */
  private static Claim claim(byte[] file, TrustBundle trust) throws IOException {
    int first = 0;
    while (first < file.length && Character.isWhitespace(file[first])) {
      first++;
    }
    if (first == file.length || file[first] != '[') {
      Bundle bundle = Json.read(file, Bundle.class);
      return new Claim(Certificate.verify(bundle, trust), Optional.empty());
    }
    Migration migration = Migration.of(Evidence.chain(file, trust));
    if (migration.latest(Fact.Imported.class).isPresent()) {
      Evidence evidence = Evidence.verify(file, trust);
      return new Claim(evidence.certificate(), Optional.of(evidence.countersignature()));
    }
    Bundle bundle = migration.need(Fact.Certified.class).certificate();
    Certificate certificate = Certificate.verify(bundle, trust);
    if (!certificate.migration().equals(migration.id())) {
      throw new Refused("the certificate belongs to another migration");
    }
    return new Claim(certificate, Optional.empty());
  }

  /** In what ways, and how. */
  private static List<String> adapted(Countersignature taken) {
    return taken.checks().stream()
        .filter(check -> check.name().startsWith(Countersignature.ADAPTED))
        .map(check -> sentence(check) + " " + check.detail())
        .toList();
  }

  /** Whether it is what the target registered, and without the layer what was certified. */
  private static boolean adapted(
      Manifest certified, Manifest registered, List<Change> layer, DiskSource disk)
      throws IOException {
    SortedMap<Long, Swap.Leaf> back = new TreeMap<>();
    for (Change change : layer) {
      Sha256 there = new Sha256(change.registered().hex());
      back.put(change.chunk(), new Swap.Leaf(there, new Sha256(change.certified().hex())));
    }
    Swap beneath = new Swap(back);
    return DiskHasher.matches(registered, disk, beneath).matches()
        && beneath.matches()
        && beneath.root().equals(certified.root());
  }

  private static String sentence(Check check) {
    return check.name() + " " + check.outcome();
  }

  private static String sentence(Verdict verdict) {
    return switch (verdict) {
      case Verdict.Same same when same.grownBy() == 0 -> "has the certified bytes";
      case Verdict.Same same -> "has the certified bytes, and " + same.grownBy() + " zeros more";
      case Verdict.Shorter shorter -> "is " + shorter.missing() + " bytes too short";
      case Verdict.Different different -> "has other bytes: root " + different.found();
      case Verdict.TailNotZero tail -> "is longer, and not zero at byte " + tail.offset();
    };
  }

  private static Instant time(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException(
          "'" + text + "' is no time such as 2026-01-31T12:00:00Z.", e);
    }
  }
}
