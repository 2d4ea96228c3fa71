package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import crossdock.contracts.Machine;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openstack4j.core.transport.ObjectMapperSingleton;
import org.openstack4j.openstack.image.v2.domain.GlanceImage;

/** What a project's images are taken for. */
class ImagesShownTest {
  private static final String ID = "0f5f7a36-5f3c-4a4e-9c55-6b1c1d9a3b10";

  private static Optional<Machine> shown(String more) throws JsonProcessingException {
    return Images.shown(
        ObjectMapperSingleton.getContext(GlanceImage.class)
            .readValue(
                """
                {"id": "%s", "status": "active", "container_format": "bare"%s}
                """
                    .formatted(ID, more),
                GlanceImage.class));
  }

  private static String volume(int number, int bootIndex) {
    return """
        {"source_type": "snapshot", "snapshot_id": "1f5f7a36-5f3c-4a4e-9c55-6b1c1d9a3b1%d",
         "volume_size": %d, "boot_index": %d}
        """
        .formatted(number, number, bootIndex)
        .replace("\n", " ");
  }

  private static String said(String json) {
    return "\"" + json.replace("\"", "\\\"") + "\"";
  }

  @Test
  void aSnapshotsDisksBeginWithTheOneThatItBootsFrom() throws Exception {
    String volumes = "[" + volume(1, -1) + "," + volume(2, 0) + "]";
    Machine machine =
        shown(", \"name\": \"s\", \"size\": 0, \"block_device_mapping\": " + said(volumes))
            .orElseThrow();
    assertThat(machine.disks())
        .extracting(Machine.Disk::virtualBytes)
        .containsExactly(2L << 30, 1L << 30);
  }

  @Test
  void anImageWithoutANameIsKnownByItsId() throws Exception {
    Machine machine = shown(", \"size\": 1024, \"disk_format\": \"raw\"").orElseThrow();
    assertThat(machine.name()).isEqualTo("image-" + ID);
    assertThat(Images.isOne(machine.id())).isTrue();
    assertThat(Images.isOne(machine.name() + "-0123-suffix")).isFalse();
    assertThat(machine)
        .isEqualTo(shown(", \"size\": 1024, \"disk_format\": \"raw\"").orElseThrow());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        ", \"name\": \"crossdock-m-1-source-root\", \"size\": 9, \"disk_format\": \"raw\"",
        ", \"crossdock-machine\": \"m\", \"size\": 9, \"disk_format\": \"raw\"",
        ", \"image_type\": \"snapshot\", \"name\": \"web-shelved\", \"size\": 9, \"disk_format\": \"raw\"",
        ", \"size\": 9, \"disk_format\": \"qcow2\"",
        ", \"size\": 9, \"disk_format\": \"iso\"",
        ", \"size\": 9",
        ", \"size\": 0",
        ", \"size\": 0, \"block_device_mapping\": \"no JSON\"",
        ", \"size\": 0, \"block_device_mapping\": \"[{\\\"source_type\\\": \\\"blank\\\"}]\""
      })
  void whatIsNoDiskOfItsOwnIsNotShown(String more) throws Exception {
    assertThat(shown(more)).isEmpty();
  }

  @Test
  void aSnapshotOfAMachineThatCameInIsItsCustomersOwn() throws Exception {
    assertThat(
            shown(
                ", \"image_type\": \"snapshot\", \"crossdock-machine\": \"m\", \"size\": 9,"
                    + " \"disk_format\": \"raw\""))
        .isPresent();
  }
}
