package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;

/** A service believes the newest bundle that it has ever seen, also when it starts again. */
class TrustTest {
  private static final Parties PARTIES = new Parties();

  @TempDir Path directory;
  private Instant now = Parties.FROM.plusSeconds(1);
  private final Clock clock =
      new Clock() {
        @Override
        public Instant instant() {
          return now;
        }

        @Override
        public ZoneId getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
          return this;
        }
      };

  @BeforeEach
  void pin() throws IOException {
    Files.createDirectory(directory.resolve("members"));
    Files.writeString(directory.resolve("members/north.pem"), PARTIES.north.pem());
    Files.writeString(directory.resolve("members/south.pem"), PARTIES.south.pem());
  }

  private static byte[] signed(long version, SigningKey... members) {
    byte[] bundle = Json.bytes(PARTIES.version(version));
    return Json.bytes(
        Arrays.stream(members).map(m -> m.sign(TrustBundle.PAYLOAD_TYPE, bundle)).toList());
  }

  private static byte[] signed(long version) {
    return PARTIES.signed(PARTIES.version(version));
  }

  private Trust start(long version) throws IOException {
    Path file = Files.write(directory.resolve("bundle.json"), signed(version));
    return new Trust(file, directory.resolve("members"), directory.resolve("work"), clock);
  }

  @Test
  void whoIsStartedWithAnOlderBundleThanItHasSeenKeepsToTheNewer() throws IOException {
    assertThat(start(2).now().version()).isEqualTo(2);
    assertThat(start(1).now().version()).isEqualTo(2);
    assertThat(start(3).now().version()).isEqualTo(3);
    assertThat(start(2).now().version()).isEqualTo(3);
  }

  @Test
  void anOlderBundleIsRefusedEvenWhenTheNewerOneHasExpired() throws IOException {
    start(5);
    Files.writeString(directory.resolve("work/trust.json.new"), "what a kill leaves");
    now = PARTIES.trust.expiresAt();
    assertThatThrownBy(() -> start(4)).isInstanceOf(Refused.class).hasMessageContaining("older");
  }

  @Test
  void aNewerBundleIsTakenWhileItRunsAndIsStillThereAtTheNextStart() throws IOException {
    Trust trust = start(1);
    trust.offer(signed(2));
    trust.offer(signed(2));
    assertThat(trust.now().version()).isEqualTo(2);
    assertThat(Flux.from(trust.changes()).blockFirst(Duration.ofSeconds(5))).isEqualTo(trust.now());
    assertThat(start(1).now().version()).isEqualTo(2);
    assertThat(start(1).signed()).isEqualTo(trust.signed());
  }

  @Test
  void whatNoMajoritySignedOrIsOlderOrIsNoneChangesNothing() throws IOException {
    Trust trust = start(3);
    for (byte[] wrong :
        List.of(
            signed(4, PARTIES.north.member()),
            signed(4, PARTIES.north.member(), PARTIES.north.member()),
            signed(4, PARTIES.core.member(), PARTIES.north.member()),
            signed(2),
            "[]".getBytes(java.nio.charset.StandardCharsets.UTF_8),
            new byte[] {1, 2, 3})) {
      assertThatThrownBy(() -> trust.offer(wrong)).isInstanceOf(Refused.class);
    }
    assertThat(trust.now().version()).isEqualTo(3);
    assertThat(start(3).now().version()).isEqualTo(3);
  }

  @Test
  void onceItHasExpiredNothingVerifiesUntilThereIsANewerOne() throws IOException {
    Trust trust = start(1);
    now = PARTIES.trust.expiresAt();
    assertThatThrownBy(trust::now).isInstanceOf(UncheckedIOException.class);
  }
}
