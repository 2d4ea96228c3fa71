package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.Disks;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What counts after which end. */
class LedgerTest {
  private final Path file;
  private final Path written;
  private final Path image;

  LedgerTest(@TempDir Path directory) throws IOException {
    file = directory.resolve("one.root.ledger");
    written = directory.resolve("one.root.ledger.written");
    image = directory.resolve("disk.raw");
    try (DiskSink sink = sink();
        Ledger ledger = Ledger.open(file, sink)) {
      for (int chunk : new int[] {0, 7, 8, 1000}) {
        assertThat(ledger.has(chunk)).isFalse();
        sink.write(chunk, ByteBuffer.wrap(new byte[] {1}));
        ledger.add(chunk);
      }
      assertThat(ledger.unflushed()).isEqualTo(4);
      ledger.flush(sink);
      assertThat(ledger.unflushed()).isZero();
      ledger.add(9);
      ledger.add(3);
    }
  }

  private DiskSink sink() throws IOException {
    return Disks.createSink(image, DiskFormat.RAW, 1 << 20);
  }

  private void assertThere(boolean flushed, boolean unflushed) throws IOException {
    try (DiskSink sink = sink();
        Ledger ledger = Ledger.open(file, sink)) {
      for (int chunk : new int[] {0, 7, 8, 1000}) {
        assertThat(ledger.has(chunk)).as("%d", chunk).isEqualTo(flushed);
      }
      for (int chunk : new int[] {9, 3}) {
        assertThat(ledger.has(chunk)).as("%d", chunk).isEqualTo(unflushed);
      }
      for (int chunk : new int[] {1, 2, 6, 10, 999, 1001, 100_000}) {
        assertThat(ledger.has(chunk)).as("%d", chunk).isFalse();
      }
    }
  }

  @Test
  void aKilledProcessTakesNothingAlong() throws IOException {
    assertThere(true, true);
    assertThere(true, true);
  }

  @Test
  void afterAStartOfTheMachineWhatWasFlushedCounts() throws IOException {
    byte[] bytes = Files.readAllBytes(written);
    bytes[0] ^= 1;
    Files.write(written, bytes);
    assertThere(true, false);
    assertThere(true, false);
  }

  @Test
  void afterAFlushThatFailedOnlyWhatWasFlushedCounts() throws IOException {
    try (DiskSink sink = sink();
        Ledger ledger = Ledger.open(file, sink)) {
      DiskSink failing = failing(sink);
      assertThatThrownBy(() -> ledger.flush(failing)).hasMessage("lost");
      assertThat(ledger.has(9)).isFalse();
      ledger.add(11);
      assertThatThrownBy(() -> ledger.flush(sink)).isInstanceOf(IOException.class);
    }
    assertThere(true, false);
  }

  private static DiskSink failing(DiskSink sink) {
    return (DiskSink)
        Proxy.newProxyInstance(
            LedgerTest.class.getClassLoader(),
            new Class<?>[] {DiskSink.class},
            (_, method, arguments) -> {
              if (method.getName().equals("flush")) {
                throw new IOException("lost");
              }
              return method.invoke(sink, arguments);
            });
  }

  @Test
  void withoutItsFilesOrWithAnotherPlaceNothingIsThere() throws IOException {
    Files.delete(file);
    assertThere(true, true);
    Files.delete(written);
    assertThere(false, false);
  }

  @Test
  void aPlaceThatBeginsAnewHasNothingOfTheOldOne() throws IOException {
    try (DiskSink sink = sink()) {
      sink.abandon();
    }
    assertThere(false, false);
    assertThere(false, false);
  }
}
