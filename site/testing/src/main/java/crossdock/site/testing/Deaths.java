package crossdock.site.testing;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Policy;
import crossdock.contracts.Role;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/** One story told over and over, each time with a death at another call to the cloud. */
public final class Deaths {
  private Deaths() {}

  /** A story, and what must be true at its end however often somebody died in it. */
  @FunctionalInterface
  public interface Story {
    /** Tells it. */
    void tell(TestSite site) throws Exception;
  }

  /** The story without a death, and then with one before and one after each of its calls. */
  public static Stream<DynamicTest> everywhere(Role role, Path directory, Story story)
      throws Exception {
    Fate kind = Fate.kind();
    tell(role, directory, kind, story);
    List<String> calls = kind.calls();
    assertThat(calls).isNotEmpty();
    return IntStream.range(0, calls.size())
        .boxed()
        .flatMap(
            call ->
                Stream.of(Fate.Moment.values())
                    .map(
                        moment ->
                            DynamicTest.dynamicTest(
                                "killed %s call %d, to %s"
                                    .formatted(
                                        moment.name().toLowerCase(Locale.ROOT),
                                        call + 1,
                                        calls.get(call)),
                                () -> {
                                  Fate fate = new Fate(call, moment);
                                  tell(role, directory, fate, story);
                                  assertThat(fate.hasStruck()).as("somebody died").isTrue();
                                })));
  }

  private static void tell(Role role, Path directory, Fate fate, Story story) throws Exception {
    try (TestSite site =
        new TestSite(
            role,
            Files.createTempDirectory(directory, "site"),
            fate,
            Policy.STANDARD,
            Map.of("crossdock.export.looks-into-guests", "true"))) {
      story.tell(site);
      assertThat(site.value("SELECT count(*) FROM intent WHERE ended_at IS NULL"))
          .as("calls that nobody knows the end of")
          .isEqualTo("0");
    }
  }
}
