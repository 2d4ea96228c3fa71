package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Machine.Firmware;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExaminationTest {
  private static final int SIZE = 1 << 20;

  @TempDir private Path directory;

  private static ByteBuffer divided(int type, int sectors) {
    ByteBuffer disk = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
    disk.put(446 + 4, (byte) type).putInt(446 + 8, 64).putInt(446 + 12, sectors);
    return disk.putShort(510, (short) 0xaa55);
  }

  private void look(Examination examination, ByteBuffer disk) throws IOException {
    byte[] bytes = new byte[disk.capacity()];
    disk.get(0, bytes);
    Path file = Files.write(directory.resolve("disk.raw"), bytes);
    try (DiskSource source = Disks.openSource(file, DiskFormat.RAW, SIZE)) {
      DiskTicket ticket = new DiskTicket.Image("disk", "disk.raw", "raw", SIZE);
      examination.disk(ticket, source, () -> true, new Meter(SIZE, _ -> {}));
    }
  }

  private Check division(Firmware firmware, ByteBuffer... disks) throws IOException {
    Examination examination = new Examination(firmware, Optional.empty());
    for (ByteBuffer disk : disks) {
      look(examination, disk);
    }
    return examination.checks().stream()
        .filter(check -> check.name().equals("partition-table"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void theFirstDiskHasSomethingThatTheFirmwareStarts() throws Exception {
    ByteBuffer plain = divided(0x83, 100);
    ByteBuffer code = divided(0x83, 100).put(0, (byte) 0xeb);
    ByteBuffer efi = divided(0xef, 100);
    assertThat(division(Firmware.BIOS, code, plain).outcome()).isEqualTo(Outcome.PASSED);
    assertThat(division(Firmware.UEFI, efi, plain).outcome()).isEqualTo(Outcome.PASSED);
    assertThat(division(Firmware.BIOS, plain, code).outcome()).isEqualTo(Outcome.WARNED);
    assertThat(division(Firmware.UEFI, code, efi).outcome()).isEqualTo(Outcome.WARNED);
    assertThat(division(Firmware.BIOS, ByteBuffer.allocate(SIZE)).outcome())
        .isEqualTo(Outcome.WARNED);
  }

  @Test
  void aDiskThatWasCutOffFailsWhicheverItIsAndWhateverElseIsOdd() throws Exception {
    ByteBuffer good = divided(0x83, 100).put(0, (byte) 0xeb);
    ByteBuffer cut = divided(0x83, 1 << 20);
    Check check = division(Firmware.BIOS, good, cut, ByteBuffer.allocate(SIZE));
    assertThat(check.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(check.detail()).contains("beyond the end of the disk");
  }

  @Test
  void whatNobodyScannedIsSkippedAndNotPassed() throws Exception {
    Examination examination = new Examination(Firmware.BIOS, Optional.empty());
    look(examination, divided(0x83, 100));
    assertThat(examination.checks())
        .contains(new Check("malware", 1, Outcome.SKIPPED, "no clamd is configured"));
  }
}
