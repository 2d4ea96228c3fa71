package crossdock.providers.library;

import crossdock.providers.conformance.CloudConformance;
import crossdock.providers.conformance.Fixture;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class VmdkLibraryTest implements CloudConformance {
  private final Fixture fixture;

  VmdkLibraryTest(@TempDir Path directory) throws IOException {
    fixture = new LibraryFixture(directory, "vmdk");
  }

  @Override
  public Fixture fixture() {
    return fixture;
  }
}
