package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

final class PagesTest {
  private static List<String> things(int count) {
    return IntStream.range(0, count).mapToObj(i -> "thing-" + i).toList();
  }

  /** As a service does it that gives at most so many at once. */
  private static List<String> page(List<String> all, int most, Map<String, String> query) {
    int from = query.containsKey("marker") ? all.indexOf(query.get("marker")) + 1 : 0;
    int limit = Math.min(most, Integer.parseInt(query.get("limit")));
    return all.subList(from, Math.min(all.size(), from + limit));
  }

  @Property
  void howeverManyAServiceGivesAtOnceAllOfThemCome(
      @ForAll @IntRange(max = 300) int count,
      @ForAll @IntRange(min = 20, max = 2000) int most,
      @ForAll @IntRange(min = 1, max = 1000) int asked)
      throws IOException {
    List<String> all = things(count);
    assertThat(
            Pages.all(
                asked,
                (String one) -> one,
                _ -> true,
                Map.of("owner", "me"),
                query -> {
                  assertThat(query).containsEntry("owner", "me");
                  return page(all, most, query);
                }))
        .isEqualTo(all);
  }

  @Property
  void whoKnowsNoMarkersIsAskedOnceMoreAndNoMore(@ForAll @IntRange(max = 300) int count)
      throws IOException {
    List<String> all = things(count);
    int[] asked = {0};
    assertThat(
            Pages.all(
                (String one) -> one,
                _ -> true,
                Map.of(),
                _ -> {
                  asked[0]++;
                  return all;
                }))
        .isEqualTo(all);
    assertThat(asked[0]).isLessThanOrEqualTo(2);
  }

  @Example
  void aMarkerThatHasGoneIsNoVerdict() {
    Denied denied = new Denied("marker not found", null);
    assertThatThrownBy(
            () ->
                Pages.all(
                    (String one) -> one,
                    _ -> true,
                    Map.of(),
                    query -> {
                      if (query.containsKey("marker")) {
                        throw denied;
                      }
                      return things(20);
                    }))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(Denied.class);
    assertThatThrownBy(
            () ->
                Pages.all(
                    (String one) -> one,
                    _ -> false,
                    Map.of(),
                    query -> query.containsKey("marker") ? List.of() : things(20)))
        .as("a service that says so by an empty page")
        .isInstanceOf(IOException.class);
    assertThatThrownBy(
            () ->
                Pages.all(
                    (String one) -> one,
                    _ -> true,
                    Map.of(),
                    _ -> {
                      throw denied;
                    }))
        .isSameAs(denied);
  }
}
