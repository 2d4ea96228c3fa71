package crossdock.providers.library;

import crossdock.providers.conformance.CloudConformance;
import crossdock.providers.conformance.Fixture;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class RawLibraryTest implements CloudConformance {
  private final Fixture fixture;

  RawLibraryTest(@TempDir Path directory) throws IOException {
    fixture = new LibraryFixture(directory, "raw");
  }

  @Override
  public Fixture fixture() {
    return fixture;
  }
}
