package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.providers.conformance.CloudConformance;
import crossdock.providers.conformance.Fixture;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The same with networks: what ends a machine takes its cards away. */
@Timeout(120)
final class BridgedKvmConformanceTest implements CloudConformance {
  private final KvmFixture fixture;

  BridgedKvmConformanceTest(@TempDir Path directory) throws IOException {
    Qemu.assumeNetworks();
    fixture = new KvmFixture(directory, Kvm.Networks.BRIDGED);
  }

  @AfterEach
  void nothingIsLeftRunning() throws IOException {
    fixture.kvm().cutPower();
    assertThat(new Namespace(Site.at(fixture.root())).path()).doesNotExist();
  }

  @Override
  public Fixture fixture() {
    return fixture;
  }
}
