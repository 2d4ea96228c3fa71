package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProblemPagesTest {
  private static final Path PAGES = Path.of("../docs/problems");

  @ParameterizedTest
  @EnumSource
  void everyProblemHasAPageThatNamesItsTypeAndStatus(Problem problem) throws IOException {
    String code = problem.type().substring("urn:crossdock:problem:".length());
    assertThat(Files.readString(PAGES.resolve(code + ".md")))
        .contains(problem.type())
        .contains("HTTP " + problem.status());
    assertThat(Files.readString(PAGES.resolve("README.md"))).contains(code + ".md");
  }
}
