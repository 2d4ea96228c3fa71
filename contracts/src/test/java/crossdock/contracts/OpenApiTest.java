package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OpenApiTest {
  private static final String PROBLEM = "urn:crossdock:problem:";

  private static Map<?, ?> document() throws IOException {
    return AsyncApiTest.yaml(Path.of("openapi.yaml"));
  }

  private static List<?> values(String schema) throws IOException {
    Object values = AsyncApiTest.at(document(), "components", "schemas", schema).get("enum");
    return values instanceof List<?> list ? list : List.of();
  }

  @Test
  void itIsAnOpenApiDocumentWhoseReferencesAllResolve() throws IOException {
    assertThat(document().get("openapi")).isEqualTo("3.1.0");
    AsyncApiTest.assertResolved(document());
  }

  @Test
  void itsWordsAreThoseOfTheFold() throws IOException {
    assertThat(values("State"))
        .isEqualTo(
            Arrays.stream(Migration.State.class.getPermittedSubclasses())
                .map(kind -> kind.getSimpleName().toLowerCase(Locale.ROOT))
                .filter(name -> !name.equals("nothing"))
                .toList());
    assertThat(values("Step")).isEqualTo(Arrays.stream(Step.values()).map(Step::wire).toList());
    assertThat(values("Role")).isEqualTo(Arrays.stream(Role.values()).map(Role::wire).toList());
    assertThat(values("Reason")).isEqualTo(Arrays.stream(Reason.values()).map(Enum::name).toList());
  }

  @Test
  void everyProblemHasAPageAndEveryPageAProblem() throws IOException {
    TreeSet<String> types = new TreeSet<>();
    Files.readAllLines(Path.of("openapi.yaml")).stream()
        .map(line -> line.strip().replaceFirst("^- ", ""))
        .filter(line -> line.startsWith(PROBLEM))
        .forEach(line -> types.add(line.substring(PROBLEM.length())));
    Path pages = Path.of("../docs/problems");
    try (Stream<Path> files = Files.list(pages)) {
      assertThat(
              files
                  .map(file -> file.getFileName().toString().replace(".md", ""))
                  .filter(name -> !name.equals("README")))
          .containsExactlyInAnyOrderElementsOf(types);
    }
    String index = Files.readString(pages.resolve("README.md"));
    for (String type : types) {
      assertThat(Files.readString(pages.resolve(type + ".md"))).contains(PROBLEM + type);
      assertThat(index).contains("(" + type + ".md)");
    }
  }
}
