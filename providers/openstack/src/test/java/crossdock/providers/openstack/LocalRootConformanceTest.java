package crossdock.providers.openstack;

import java.io.IOException;
import java.nio.file.Path;
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
}
