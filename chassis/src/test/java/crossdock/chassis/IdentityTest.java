package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service believes the newest bundle that it has ever seen, also when it starts again. */
class IdentityTest {
  private static final Parties PARTIES = new Parties();

  @TempDir Path directory;
  private final Identity.FromConfiguration configuration = new Identity.FromConfiguration();

  @BeforeEach
  void pin() throws IOException {
    Files.createDirectory(directory.resolve("members"));
    Files.writeString(directory.resolve("members/north.pem"), PARTIES.north.pem());
    Files.writeString(directory.resolve("members/south.pem"), PARTIES.south.pem());
  }

  private TrustBundle start(long version) throws IOException {
    TrustBundle listed = PARTIES.trust;
    byte[] bundle =
        Json.bytes(
            new TrustBundle(
                version, listed.issuedAt(), listed.expiresAt(), listed.members(), listed.core()));
    Path file =
        Files.write(
            directory.resolve("bundle.json"),
            Json.bytes(
                List.of(
                    PARTIES.north.member().sign(TrustBundle.PAYLOAD_TYPE, bundle),
                    PARTIES.south.member().sign(TrustBundle.PAYLOAD_TYPE, bundle))));
    return configuration.trust(
        file,
        directory.resolve("members"),
        directory.resolve("work"),
        Clock.fixed(Parties.FROM.plusSeconds(1), ZoneOffset.UTC));
  }

  @Test
  void anOldBundleShownAfterANewerOneIsRefused() throws IOException {
    assertThat(start(2).version()).isEqualTo(2);
    assertThatThrownBy(() -> start(1))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("older than 2");
    assertThat(start(2).version()).isEqualTo(2);
    assertThat(start(3).version()).isEqualTo(3);
    assertThatThrownBy(() -> start(2)).isInstanceOf(Refused.class);
  }

  @Test
  void whoWasKilledWhileNotingTheVersionStartsAgainAndForgetsNothing() throws IOException {
    start(5);
    // What a write that a kill cut short leaves beside the file.
    Files.writeString(directory.resolve("work/trust-version.new"), "");
    assertThatThrownBy(() -> start(4)).isInstanceOf(Refused.class);
    assertThat(start(5).version()).isEqualTo(5);
  }
}
