package crossdock.disk.cli;

import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Evidence;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import crossdock.disk.DiskHasher;
import crossdock.disk.Manifest;
import crossdock.disk.Sha256;
import crossdock.disk.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;

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
    Certificate certificate;
    try {
      TrustBundle trust = TrustBundle.accept(bundle, members, at);
      certificate = Certificate.verify(certificate(Files.readAllBytes(file), trust), trust);
    } catch (Refused e) {
      System.err.println(e.getMessage());
      return Application.NO;
    }
    if (arguments.words() != certificate.disks().size()) {
      throw new IllegalArgumentException(
          "The certificate is of these disks, in this order: "
              + String.join(
                  " ", certificate.disks().stream().map(Certificate.Disk::name).toList()));
    }
    boolean good = at.isBefore(certificate.notAfter());
    List<String> disks = new ArrayList<>();
    for (int i = 0; i < arguments.words(); i++) {
      Certificate.Disk disk = certificate.disks().get(i);
      Manifest manifest = new Manifest(disk.length(), new Sha256(disk.root().hex()));
      try (Image.Opened image = arguments.image(i, "from").open()) {
        Verdict verdict = DiskHasher.matches(manifest, image.disk());
        good &= verdict.matches();
        disks.add(disk.name() + " " + sentence(verdict));
      }
    }
    new Answer()
        .say("verified", good)
        .say("issuer", certificate.issuer())
        .say("audience", certificate.audience())
        .say("migration", certificate.migration())
        .say("verifiedAt", certificate.verifiedAt())
        .say("notAfter", certificate.notAfter())
        .say("expired", !at.isBefore(certificate.notAfter()))
        .say("machine", certificate.machine())
        .say("checks", certificate.checks().stream().map(Verify::sentence).toList())
        .say("disks", disks)
        .print(arguments.has("json"));
    return good ? 0 : Application.NO;
  }

  /** A certificate alone, or the one in a migration's evidence. */
  private static Bundle certificate(byte[] file, TrustBundle trust) throws IOException {
    int first = 0;
    while (first < file.length && Character.isWhitespace(file[first])) {
      first++;
    }
    return first < file.length && file[first] == '['
        ? Migration.of(Evidence.chain(file, trust)).need(Fact.Certified.class).certificate()
        : Json.read(file, Bundle.class);
  }

  private static String sentence(Certificate.Check check) {
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
