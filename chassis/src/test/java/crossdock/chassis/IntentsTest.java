package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What is about to be done is known before it is done, until its end is known. */
class IntentsTest {
  private static final String TAG = "crossdock-tag";

  private final TestDatabase test = new TestDatabase();
  private final Intents intents = new Intents(test.database);

  private void called(String tag, long fence, String name) throws Exception {
    boolean _ = intents.call(() -> true, tag, fence, name, () -> true);
  }

  private void failed(String tag, long fence, String name) {
    assertThatThrownBy(
            () ->
                intents.call(
                    () -> true,
                    tag,
                    fence,
                    name,
                    () -> {
                      throw new IOException("gone");
                    }))
        .isInstanceOf(IOException.class);
  }

  private String open() {
    return test.value(
        "SELECT string_agg(call, ' ' ORDER BY call) FROM intent WHERE ended_at IS NULL");
  }

  @Test
  void aCallIsOpenWhileItIsMadeAndEndedAfterwards() throws Exception {
    String during = intents.call(() -> true, TAG, 2, "boot", this::open);

    assertThat(during).isEqualTo("boot");
    assertThat(open()).isEqualTo("null");
  }

  @Test
  void aCallThatFailedStaysOpenUntilItIsMadeAgain() throws Exception {
    failed(TAG, 2, "boot");
    assertThat(open()).isEqualTo("boot");

    called(TAG, 4, "boot");

    assertThat(open()).isEqualTo("null");
  }

  @Test
  void aCallThatFailedIsEndedByALaterOneOfTheSameTag() throws Exception {
    failed(TAG, 2, "boot");

    called(TAG, 4, "remove");

    assertThat(open()).isEqualTo("null");
  }

  @Test
  void aCallEndsNeitherOneOfItsOwnTurnNorOfALaterOneNorOfAnotherTag() throws Exception {
    failed(TAG, 4, "register");
    failed(TAG, 6, "boot");
    failed("crossdock-other", 2, "stop");

    called(TAG, 4, "read-back");

    assertThat(open()).isEqualTo("boot register stop");
  }

  @Test
  void aTurnThatComesLateChangesNothing() throws Exception {
    called(TAG, 4, "boot");
    assertThatThrownBy(() -> intents.call(() -> true, TAG, 2, "boot", () -> true))
        .isInstanceOf(IllegalStateException.class);
    assertThat(open()).isEqualTo("null");
  }

  @Test
  void withoutTheLeaseNothingIsCalledButTheIntentIsKnown() {
    assertThatThrownBy(() -> intents.call(() -> false, TAG, 2, "boot", () -> true))
        .isInstanceOf(IllegalStateException.class);

    assertThat(open()).isEqualTo("boot");
  }
}
