package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AotCacheTest {
  private static final Instant BUILT = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir Path target;
  private Path jar;
  private Path library;

  @BeforeEach
  void build() throws Exception {
    jar = file("billing-0.1.0-SNAPSHOT.jar", BUILT);
    library = file("library.jar", BUILT);
    Files.writeString(target.resolve("classpath"), library + "\n");
  }

  @Test
  void theClassPathIsTheModulesOwnJarAndThenTheOthers() {
    assertThat(AotCache.of(target).jars()).isEqualTo(jar + ":" + library);
  }

  @Test
  void aModuleThatIsNotBuiltIsRefused() {
    assertThatThrownBy(() -> AotCache.of(target.resolve("nothing")))
        .isInstanceOf(Refusal.class)
        .hasMessageContaining("is not built");
  }

  @Test
  void withoutACacheOneIsMadeInTrainingAndNowhereElse() {
    AotCache cache = AotCache.of(target);
    assertThat(cache.options(Scope.ALL)).isEmpty();
    assertThat(cache.options(Scope.TRAINING))
        .containsExactly("-XX:AOTCacheOutput=" + target.resolve("app.aot.new"));
  }

  @Test
  void aCacheIsUsedUntilOneOfItsJarsIsYounger() throws Exception {
    AotCache cache = AotCache.of(target);
    file("app.aot.new", BUILT.plusSeconds(1));
    assertThat(cache.fresh()).as("not written to its end, as far as anybody knows").isFalse();
    cache.keep();
    assertThat(cache.options(Scope.ALL))
        .isEqualTo(cache.options(Scope.TRAINING))
        .isEqualTo(List.of("-XX:AOTCache=" + target.resolve("app.aot")));
    Files.setLastModifiedTime(library, FileTime.from(BUILT.plusSeconds(2)));
    assertThat(cache.options(Scope.ALL)).isEmpty();
  }

  private Path file(String name, Instant modified) throws Exception {
    Path file = Files.createFile(target.resolve(name));
    return Files.setLastModifiedTime(file, FileTime.from(modified));
  }
}
