package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No two parties, migrations or tags have one name, and nobody's name can be read as another's. */
class NamesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a.b:c",
        "a:b.c",
        "a:b:c",
        "a",
        ":b",
        "a:",
        "a/b:c",
        "A:b",
        "a:b\n",
        "a:b:dock",
        "é:b",
        "*:b"
      })
  void aSiteWhoseNameCouldMeanAnotherIsRefused(String name) {
    assertThatThrownBy(() -> SiteId.parse(name)).isInstanceOf(Refused.class);
  }

  @Test
  void aPairOfSitesThatLooksAlikeHasNoNameInCommon() {
    List<Party.Site> sites =
        Stream.of(
                "acme:eu",
                "acme2:eu",
                "acme:eu2",
                "acme:2eu",
                "acme-eu:eu",
                "acme:eu-eu",
                "a:b",
                "ab:b")
            .map(name -> new Party.Site(SiteId.parse(name)))
            .toList();
    List<String> names =
        sites.stream()
            .flatMap(
                site ->
                    Stream.of(
                        site.urn(),
                        site.dockUrn(),
                        site.principal(),
                        site.reports(),
                        site.tasks(),
                        site.progress(),
                        site.dock()))
            .toList();
    assertThat(names).doesNotHaveDuplicates();
    for (Party.Site one : sites) {
      for (Party.Site other : sites) {
        // What is granted to everything that begins with a principal and a dot is granted to one.
        assertThat(other.reports().startsWith(one.principal() + ".")).isEqualTo(one.equals(other));
      }
    }
  }

  @Test
  void whatTwoCallersAskUnderKeysThatJoinAlikeAreTwoMigrations() {
    assertThat(
            Stream.of(
                    MigrationId.of(new Subject("https://idp", "a"), "b.c"),
                    MigrationId.of(new Subject("https://idp", "a.b"), "c"),
                    MigrationId.of(new Subject("https://idp", "ab"), "c"),
                    MigrationId.of(new Subject("https://idp", "a"), "bc"),
                    MigrationId.of(new Subject("https://idpa", "b"), "c"),
                    MigrationId.of(new Subject("https://idp", "a\",\"b"), "c"),
                    MigrationId.of(new Subject("https://idp", "a"), "b\",\"c"))
                .distinct())
        .hasSize(7);
  }
}
