package crossdock.providers.disks;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TicketDisksTest {
  @TempDir Path directory;

  @Test
  void aPathThatLeadsOutOfTheSiteOpensNothing() throws IOException {
    Path root = directory.resolve("site");
    Files.createDirectories(root.resolve("inside"));
    Files.write(directory.resolve("secret.raw"), new byte[512]);
    Files.createSymbolicLink(root.resolve("away"), directory);
    try (TicketDisks disks =
        new TicketDisks(root, 1L << 40, RawContent.ANYTHING, Clock.systemUTC())) {
      for (String path : new String[] {"../secret.raw", "away/secret.raw", "inside/../.."}) {
        DiskTicket ticket = new DiskTicket.Image("root", path, "raw", 512);
        assertThatThrownBy(() -> disks.source(ticket))
            .as(path)
            .isInstanceOf(IOException.class)
            .hasMessageContaining("leads out");
        assertThatThrownBy(() -> disks.sink(ticket))
            .as(path)
            .isInstanceOf(IOException.class)
            .hasMessageContaining("leads out");
      }
    }
  }
}
