package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UefiTest {
  @TempDir private Path host;

  private void descriptor(String directory, String name, String features, String machine)
      throws IOException {
    Path code = Files.writeString(host.resolve(name + ".code"), "code");
    Path variables = Files.writeString(host.resolve(name + ".vars"), "vars");
    Files.createDirectories(host.resolve(directory));
    Files.writeString(
        host.resolve(directory).resolve(name + ".json"),
        """
        {"interface-types": ["uefi"], "features": [%s],
         "mapping": {"device": "flash",
           "executable": {"filename": "%s", "format": "raw"},
           "nvram-template": {"filename": "%s", "format": "raw"}},
         "targets": [{"architecture": "x86_64", "machines": ["%s"]}]}
        """
            .formatted(features, code, variables, machine));
  }

  private String chosen() throws IOException {
    return Uefi.installed(List.of(host.resolve("usr"), host.resolve("etc"), host.resolve("none")))
        .map(uefi -> String.valueOf(uefi.code().getFileName()))
        .orElse("none");
  }

  @Test
  void theFirstThatFitsIsTaken() throws IOException {
    assertThat(chosen()).isEqualTo("none");
    descriptor("usr", "40-arm", "", "virt-*");
    descriptor("usr", "50-secure", "\"requires-smm\", \"secure-boot\"", "pc-q35-*");
    assertThat(chosen()).isEqualTo("none");
    descriptor("usr", "70-later", "", "pc-q35-*");
    assertThat(chosen()).isEqualTo("70-later.code");
    descriptor("etc", "60-plain", "\"acpi-s3\"", "pc-q35-*");
    assertThat(chosen()).isEqualTo("60-plain.code");
  }

  @Test
  void theAdministratorsTakesThePlaceOfTheDistributionsAndAnEmptyOneHidesIt() throws IOException {
    descriptor("usr", "60-plain", "", "pc-q35-*");
    Files.delete(host.resolve("60-plain.code"));
    assertThat(chosen()).isEqualTo("none");
    descriptor("etc", "60-plain", "", "pc-q35-*");
    assertThat(chosen()).isEqualTo("60-plain.code");
    Files.writeString(host.resolve("etc/60-plain.json"), "");
    assertThat(chosen()).isEqualTo("none");
  }
}
