package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Reason;
import crossdock.providers.Cloud;
import crossdock.providers.Refusal;
import crossdock.providers.conformance.Passage;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same, of machines whose root is on the hypervisor, made of an image in Glance. */
final class LocalRootConformanceTest extends OpenStackConformanceTest {
  LocalRootConformanceTest(@TempDir Path directory) throws IOException {
    super(directory);
  }

  @Override
  String storage() {
    return OpenStack.LOCAL;
  }

  /** Nova copies a local root by itself, and so at another instant than Cinder its volumes. */
  @Test
  @Override
  public void aRunningMachineIsOpenedWhileItRuns() throws Exception {
    Passage passage = Passage.away(fixture(), 1);
    try (Cloud cloud = fixture().cloud()) {
      assertThatThrownBy(() -> cloud.open(fixture().machine(), passage.tag()))
          .isInstanceOfSatisfying(
              Refusal.class, no -> assertThat(no.reason()).isEqualTo(Reason.REFUSED_BY_SOURCE))
          .hasMessageContaining("only when stopped");
      cloud.close(passage.tag());
      assertThat(fixture().runs(fixture().machine())).isTrue();
    }
  }
}
