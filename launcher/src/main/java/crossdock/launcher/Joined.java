package crossdock.launcher;

import com.fasterxml.jackson.annotation.JsonProperty;
import crossdock.contracts.Json;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A provider that joined the founding ones, as the core keeps it.
 *
 * @param leavingAt since when it takes no new work, if it is to leave
 * @param leftAt when it left, if it has
 */
record Joined(
    @JsonProperty("application") Application application,
    @JsonProperty("leavingAt") Optional<Instant> leavingAt,
    @JsonProperty("leftAt") Optional<Instant> leftAt) {

  static List<Joined> all(State state) {
    Path directory = directory(state);
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(file -> file.toString().endsWith(".json"))
          .sorted()
          .map(Joined::read)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Optional<Joined> find(State state, String provider) {
    return all(state).stream().filter(one -> one.provider().equals(provider)).findFirst();
  }

  /** Every site that takes part, the founding ones among them. */
  static List<SiteId> sites(State state) {
    return Stream.concat(
            Site.ALL.stream().map(Site::name),
            all(state).stream()
                .filter(one -> one.leftAt().isEmpty())
                .map(one -> one.application().site()))
        .toList();
  }

  String provider() {
    return application.member().provider();
  }

  TrustBundle.Member member() {
    TrustBundle.Member member = application.member();
    member = leavingAt.map(member::leaving).orElse(member);
    return leftAt.map(member::left).orElse(member);
  }

  void write(State state) {
    State.write(directory(state).resolve(provider() + ".json"), Json.bytes(this));
  }

  void delete(State state) throws IOException {
    Files.delete(directory(state).resolve(provider() + ".json"));
  }

  private static Joined read(Path file) {
    try {
      return Json.read(Files.readAllBytes(file), Joined.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path directory(State state) {
    return State.directory(state.root().resolve("members"));
  }
}
