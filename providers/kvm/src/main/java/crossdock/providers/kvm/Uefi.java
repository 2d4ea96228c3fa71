package crossdock.providers.kvm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The UEFI firmware of this host, found as QEMU's {@code docs/interop/firmware.json} says: each
 * build of one has a descriptor in a directory, the first by name that fits is taken, and one of
 * the same name in a directory of the administrator's takes the place of the distribution's.
 *
 * @param code the firmware, a raw image that guests only read
 * @param variables an empty variable store, of which each guest gets a copy of its own
 */
record Uefi(Path code, Path variables) {
  private static final List<Path> DIRECTORIES =
      List.of(Path.of("/usr/share/qemu/firmware"), Path.of("/etc/qemu/firmware"));
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Without Secure Boot, which guests of another cloud have no keys enrolled for; or none. */
  static Optional<Uefi> installed() throws IOException {
    return installed(DIRECTORIES);
  }

  static Optional<Uefi> installed(List<Path> directories) throws IOException {
    Map<String, Path> descriptors = new TreeMap<>();
    for (Path directory : directories) {
      if (Files.isDirectory(directory)) {
        try (Stream<Path> files = Files.list(directory)) {
          files
              .filter(file -> file.toString().endsWith(".json"))
              .forEach(file -> descriptors.put(String.valueOf(file.getFileName()), file));
        }
      }
    }
    for (Path file : descriptors.values()) {
      Optional<Uefi> fits = Files.size(file) == 0 ? Optional.empty() : read(file);
      if (fits.isPresent()) {
        return fits;
      }
    }
    return Optional.empty();
  }

  private static Optional<Uefi> read(Path file) throws IOException {
    JsonNode said = JSON.readTree(file.toFile());
    JsonNode code = said.path("mapping").path("executable");
    JsonNode variables = said.path("mapping").path("nvram-template");
    boolean fits =
        words(said.path("interface-types")).contains("uefi")
            && said.path("mapping").path("device").asText().equals("flash")
            && runsOnQ35(said.path("targets"))
            && !words(said.path("features")).contains("requires-smm")
            && code.path("format").asText().equals("raw")
            && variables.path("format").asText().equals("raw");
    Path image = Path.of(code.path("filename").asText());
    Path template = Path.of(variables.path("filename").asText());
    return fits && Files.isRegularFile(image) && Files.isRegularFile(template)
        ? Optional.of(new Uefi(image, template))
        : Optional.empty();
  }

  private static boolean runsOnQ35(JsonNode targets) {
    for (JsonNode target : targets) {
      if (target.path("architecture").asText().equals("x86_64")
          && words(target.path("machines")).stream().anyMatch(one -> one.startsWith("pc-q35-"))) {
        return true;
      }
    }
    return false;
  }

  private static List<String> words(JsonNode array) {
    List<String> words = new ArrayList<>();
    array.forEach(word -> words.add(word.asText()));
    return words;
  }
}
