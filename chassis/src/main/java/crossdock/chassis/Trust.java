package crossdock.chassis;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Sinks;

/**
 * The members' bundle as it is now. A newer one is taken from whoever brings it, for only the
 * members that this service was set up with can make one; the newest is kept across starts, and
 * none older is taken again. Thread-safe.
 */
@Singleton
public final class Trust {
  /** Where newer ones are published: compacted, one partition, to be read by everybody. */
  public static final String TOPIC = "trust";

  private static final Logger LOG = LoggerFactory.getLogger(Trust.class);

  /** What is signed, once for every member who signed it. */
  private record Signed(TrustBundle bundle, byte[] bytes) {}

  private final List<X509Certificate> pinned;
  private final Path kept;
  private final Clock clock;
  private final Sinks.Many<TrustBundle> changes = Sinks.many().replay().latest();
  private volatile Signed current;

  /**
   * @param bundle what it was set up with
   * @param members a PEM file for each member that it was set up to believe
   * @param work where the newest is kept
   * @throws Refused if neither that nor {@code bundle} can be accepted now
   */
  @Inject
  public Trust(
      @Value("${crossdock.trust.bundle}") Path bundle,
      @Value("${crossdock.trust.members}") Path members,
      @Value("${crossdock.work}") Path work,
      Clock clock)
      throws IOException {
    this.pinned = TrustBundle.pinned(members);
    this.kept = work.resolve("trust.json");
    this.clock = clock;
    this.current = newest(bundle);
    keep(current);
    changes.tryEmitNext(current.bundle());
  }

  /**
   * Whom the members trust.
   *
   * @throws UncheckedIOException once it has expired: until there is a newer one, nothing verifies
   */
  public TrustBundle now() {
    TrustBundle bundle = current.bundle();
    if (!clock.instant().isBefore(bundle.expiresAt())) {
      throw new UncheckedIOException(
          new IOException("the trust bundle expired at " + bundle.expiresAt()));
    }
    return bundle;
  }

  /** What {@link #now} was read from: what to hand on to others, who check it themselves. */
  public byte[] signed() {
    return current.bytes().clone();
  }

  /** This bundle and every later one. */
  Publisher<TrustBundle> changes() {
    return changes.asFlux();
  }

  /**
   * Takes a bundle if it is newer than the one there is.
   *
   * @param signed a JSON array of envelopes
   * @throws Refused if a majority of the pinned members did not sign it, it is older, or expired
   */
  public synchronized void offer(byte[] signed) {
    Signed offered = accept(signed, current.bundle().version());
    if (offered.bundle().version() > current.bundle().version()) {
      keep(offered);
      current = offered;
      changes.tryEmitNext(offered.bundle());
      LOG.info("trusts by bundle {}", offered.bundle().version());
    }
  }

  private Signed newest(Path bundle) throws IOException {
    byte[] given = Files.readAllBytes(bundle);
    if (!Files.exists(kept)) {
      return accept(given, 0);
    }
    byte[] before = Files.readAllBytes(kept);
    // Read without a look at its signatures: it may have expired since, and yet nothing older
    // holds.
    long known =
        envelopes(before)
            .getFirst()
            .read(TrustBundle.PAYLOAD_TYPE, JsonNode.class)
            .path("version")
            .asLong();
    Optional<Signed> again = Optional.empty();
    try {
      again = Optional.of(accept(before, known));
      Signed fresh = accept(given, known);
      return fresh.bundle().version() > known ? fresh : again.get();
    } catch (Refused e) {
      return again.isPresent() ? again.get() : accept(given, known);
    }
  }

  private Signed accept(byte[] signed, long known) {
    return new Signed(
        TrustBundle.accept(envelopes(signed), pinned, known, clock.instant()), signed.clone());
  }

  private static List<Envelope> envelopes(byte[] signed) {
    List<Envelope> envelopes = List.of(Json.read(signed, Envelope[].class));
    if (envelopes.isEmpty()) {
      throw new Refused("a trust bundle that nobody signed");
    }
    return envelopes;
  }

  private void keep(Signed newest) {
    try {
      Files.createDirectories(kept.resolveSibling(""));
      // Whole or not at all.
      Path next = Files.write(kept.resolveSibling("trust.json.new"), newest.bytes());
      Files.move(next, kept, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
