package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;

/** Holds {@code docs/concerns.md} to the files that it is made from, or writes it. */
class ConcernsPageTest {
  private static final Path PAGE = Path.of("../docs/concerns.md");
  private static final Concerns CONCERNS = Concerns.shipped();

  @Test
  void thePageIsWhatTheFilesGive() throws IOException {
    String page = page();
    if ("write".equals(System.getProperty("crossdock.docs"))) {
      Path _ = Files.writeString(PAGE, page);
    }
    assertThat(PAGE)
        .as(
            "Write it again: ./mvnw test -pl catalog -am -Dtest=ConcernsPageTest "
                + "-Dsurefire.failIfNoSpecifiedTests=false -Dcrossdock.docs=write")
        .content()
        .isEqualTo(page);
  }

  private static String page() {
    StringBuilder page =
        new StringBuilder(
            """
            # Concerns

            What the catalog looks for in every machine before it moves, beside what it finds while it maps one
            (`catalog/…/Mapper.java`). Each is a file in `catalog/src/main/resources/crossdock/catalog/concerns`: conditions, all of which
            must hold, and the evidence as a text, both in CEL (`catalog/…/Language.java` says with what functions); what happens if nobody
            does anything; the remedy. Its example is a file of the same name in `catalog/src/test/resources/crossdock/catalog/examples`.
            This page is made from both: do not edit it, `ConcernsPageTest` writes it.

            BLOCKING stops a migration. Where it may be waived, the customer may take the risk: `waived` in the request names its
            code, and it is a WARNING then. What nobody knows of a machine or a site never blocks. A condition that cannot be evaluated,
            because a trait has an odd value, counts as one that holds, and the text says so. A changed meaning is a new version.

            What the migration does by itself with a name behind it, it does where the target lists that name as `guest.adaptation`, the
            guest is known to be Linux, and `waived` does not name the concern; it is an INFORMATION then ([adaptation.md](adaptation.md)).
            """);
    for (Rule.Topic topic : Rule.Topic.values()) {
      append(page, "\n## %s\n".formatted(word(topic)));
      append(page, "| code | version | severity | for example | else | remedy | by itself |\n");
      append(page, "|---|---|---|---|---|---|---|\n");
      CONCERNS.rules().stream()
          .filter(rule -> rule.topic() == topic)
          .forEach(rule -> append(page, row(rule)));
    }
    append(page, "\n## The vocabulary\n");
    append(
        page,
        """
        Traits describe a machine, and in a site's listing what the site has of them, by all their values; limits are a site's.
        One that is absent is not known.

        """);
    words(page, "trait | meaning | values", CONCERNS.vocabulary().traits());
    append(page, "\n");
    words(page, "limit | meaning | unit", CONCERNS.vocabulary().limits());
    return page.toString();
  }

  private static String row(Rule rule) {
    String severity = rule.severity() + (rule.waivable() ? ", may be waived" : "");
    return line(
        List.of(
            "`" + rule.code() + "`",
            String.valueOf(rule.version()),
            severity,
            Example.of(rule.code()).text(),
            rule.consequence(),
            rule.remedy(),
            rule.fix()
                .or(() -> rule.adaptation().map(by -> by.fix() + " (`" + by.kind().wire() + "`)"))
                .orElse("")));
  }

  private static void words(
      StringBuilder page, String head, SortedMap<String, Vocabulary.Word> words) {
    append(page, "| " + head + " |\n|---|---|---|\n");
    words.forEach(
        (name, word) ->
            append(page, line(List.of("`" + name + "`", word.meaning(), word.values()))));
  }

  private static String line(List<String> cells) {
    return "| " + String.join(" | ", cells) + " |\n";
  }

  private static String word(Rule.Topic topic) {
    return Json.mapper().convertValue(topic, String.class);
  }

  private static void append(StringBuilder page, String text) {
    StringBuilder _ = page.append(text);
  }
}
