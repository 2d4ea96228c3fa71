package crossdock.conversion;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

class InitrdModulesTest {
  private static final String MICROCODE = "kernel/x86/microcode/GenuineIntel.bin";
  private static final String VIRTIO = "usr/lib/modules/6.1/kernel/virtio_blk.ko.xz";
  private static final String AHCI = "usr/lib/modules/6.1/kernel/ahci.ko";

  enum Way {
    PLAIN,
    GZIP,
    ZSTD,
    XZ;

    byte[] of(byte[] plain) throws IOException {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      switch (this) {
        case PLAIN -> out.writeBytes(plain);
        case ZSTD -> out.writeBytes(Zstd.compress(plain));
        case GZIP -> write(new GZIPOutputStream(out), plain);
        case XZ -> write(new XZOutputStream(out, new LZMA2Options(0)), plain);
      }
      return out.toByteArray();
    }

    private static void write(OutputStream to, byte[] bytes) throws IOException {
      try (to) {
        to.write(bytes);
      }
    }
  }

  static byte[] archive(String... files) throws Exception {
    TreeMap<String, Initrd.File> all = new TreeMap<>();
    for (String file : files) {
      all.put(file, () -> new byte[1001]);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Initrd.cpio(out, "", all);
    return out.toByteArray();
  }

  private static byte[] behind(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  private static List<String> in(byte[] initrd) {
    return InitrdModules.in(new ByteArrayInputStream(initrd), () -> true);
  }

  @ParameterizedTest
  @EnumSource
  void modulesAreFoundHoweverTheyAreCompressedBehindWhatIsNot(Way way) throws Exception {
    byte[] main = way.of(behind(archive(AHCI, "init"), archive(VIRTIO), new byte[512]));
    assertThat(in(behind(archive(MICROCODE), new byte[300], main)))
        .containsExactlyInAnyOrder(AHCI, VIRTIO);
    // As where another kernel's follows.
    assertThat(in(behind(main, archive(MICROCODE), main))).contains(AHCI, VIRTIO);
  }

  @ParameterizedTest
  @EnumSource
  void whatEndsInTheMiddleIsNotKnown(Way way) throws Exception {
    byte[] main = way.of(archive(AHCI, VIRTIO));
    assertThat(in(Arrays.copyOf(main, main.length * 2 / 3))).isEmpty();
  }

  @Test
  void whatIsCompressedWithSomethingElseIsNotKnown() throws Exception {
    assertThat(in(behind(archive(AHCI), new byte[] {2, 0x21, 0x4c, 0x18, 1, 2, 3}))).isEmpty();
    assertThat(in(Way.GZIP.of(Way.GZIP.of(archive(AHCI))))).isEmpty();
    assertThat(in(new byte[0])).isEmpty();
  }

  @Property(tries = 300)
  void whateverAGuestHasThereIsReadToAnEnd(@ForAll byte[] noise) throws Exception {
    for (Way way : Way.values()) {
      List<String> _ = in(behind(archive(MICROCODE), way.of(noise)));
      List<String> _ = in(behind("070701".getBytes(US_ASCII), noise));
    }
  }

  @Test
  void sizesThatAreNoNumbersAndNamesWithoutEndAreNotTaken() throws Exception {
    byte[] negative = archive(AHCI);
    byte[] size = "-fffffff".getBytes(US_ASCII);
    System.arraycopy(size, 0, negative, 54, size.length);
    assertThat(in(negative)).isEmpty();
    String[] names = new String[400];
    Arrays.setAll(names, i -> "x".repeat(3000) + i + ".ko");
    assertThat(in(archive(names))).hasSizeBetween(1, 90);
  }

  @Test
  void whoLosesTheJobStops() throws Exception {
    String[] many = new String[300];
    Arrays.setAll(many, i -> "a" + i + ".ko");
    byte[] initrd = archive(many);
    assertThatThrownBy(() -> InitrdModules.in(new ByteArrayInputStream(initrd), () -> false))
        .isInstanceOf(IllegalStateException.class);
  }
}
