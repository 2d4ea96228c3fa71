package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

class AsyncApiTest {
  private static final Path FILE = Path.of("asyncapi.yaml");

  static Map<?, ?> yaml(Path file) throws IOException {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    return new Yaml(new SafeConstructor(options)).load(Files.readString(file));
  }

  static Map<?, ?> at(Map<?, ?> from, String... path) {
    Map<?, ?> here = from;
    for (String name : path) {
      if (!(here.get(name) instanceof Map<?, ?> next)) {
        throw new AssertionError("nothing at " + name);
      }
      here = next;
    }
    return here;
  }

  /** Every $ref in the document. */
  static List<String> refs(Object node) {
    List<String> refs = new ArrayList<>();
    if (node instanceof Map<?, ?> map) {
      map.forEach(
          (key, value) -> {
            if (key.equals("$ref")) {
              refs.add((String) value);
            } else {
              refs.addAll(refs(value));
            }
          });
    } else if (node instanceof List<?> list) {
      list.forEach(value -> refs.addAll(refs(value)));
    }
    return refs;
  }

  /** Asserts that every reference of the document leads somewhere. */
  static void assertResolved(Map<?, ?> document) {
    for (String ref : refs(document)) {
      if (ref.startsWith("#/")) {
        String[] path = ref.substring(2).split("/", -1);
        assertThat(at(document, path)).as(ref).isNotNull();
      } else {
        assertThat(Path.of(ref.replaceFirst("#.*", ""))).as(ref).exists();
      }
    }
  }

  @Test
  void itIsAnAsyncApiDocumentWhoseReferencesAllResolve() throws IOException {
    Map<?, ?> document = yaml(FILE);
    assertThat(document.get("asyncapi")).isEqualTo("3.0.0");
    assertResolved(document);
  }

  @Test
  void itsMessagesAreTheFactsAndWhatElseIsOnATopic() throws IOException {
    Set<String> expected = new TreeSet<>(GoldenTest.facts());
    assertThat(at(yaml(FILE), "channels", "migrations", "messages").keySet()).isEqualTo(expected);
    expected.addAll(
        List.of(
            "crossdock.assignment.v1",
            "crossdock.progress.v1",
            "crossdock.dock",
            PublishedListing.TYPE,
            Conformance.TYPE,
            "crossdock.trust-bundle.v1"));
    Map<?, ?> messages = at(yaml(FILE), "components", "messages");
    assertThat(messages.keySet()).isEqualTo(expected);
    for (String fact : GoldenTest.facts()) {
      assertThat(at(messages, fact).get("name")).isEqualTo(fact);
      assertThat(String.valueOf(at(messages, fact, "x-fact").get("$ref")))
          .endsWith("/" + fact + ".json");
    }
  }

  @Test
  void itsTopicsAreThoseOfTheParties() throws IOException {
    Party.Site site = new Party.Site(SiteId.parse("north:oslo"));
    Set<String> addresses = new TreeSet<>();
    for (Object channel : at(yaml(FILE), "channels").values()) {
      addresses.add(
          String.valueOf(((Map<?, ?>) channel).get("address"))
              .replace("{provider}", "north")
              .replace("{region}", "oslo")
              .replace("{service}", "billing"));
    }
    assertThat(addresses)
        .containsExactlyInAnyOrder(
            "migrations",
            "trust",
            site.tasks(),
            site.reports(),
            site.progress(),
            site.dock(),
            site.listing(),
            new Party.Core(CoreService.BILLING).reports());
  }
}
