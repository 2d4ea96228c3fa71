package crossdock.providers.kvm;

import crossdock.providers.conformance.CloudConformance;
import crossdock.providers.conformance.Fixture;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
final class KvmConformanceTest implements CloudConformance {
  private final KvmFixture fixture;

  KvmConformanceTest(@TempDir Path directory) throws IOException {
    Qemu.assumeHere();
    fixture = new KvmFixture(directory, Kvm.Networks.ISOLATED);
  }

  @AfterEach
  void nothingIsLeftRunning() throws IOException {
    fixture.kvm().cutPower();
  }

  @Override
  public Fixture fixture() {
    return fixture;
  }
}
