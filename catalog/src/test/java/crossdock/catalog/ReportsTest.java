package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.catalog.Standing.State;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Conformance;
import crossdock.contracts.Conformance.Line;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReportsTest {
  private static final Listing SOUTH = Sample.LISTINGS.get(1);

  @TempDir Path directory;
  private TestSites world;
  private Sites strict;

  @BeforeEach
  void open() throws IOException {
    world = new TestSites(directory);
    strict = world.sites(world.trust, List.of("north"));
    world.list(Sample.LISTINGS);
  }

  /** A report in which every line is so. */
  private Conformance report(Outcome outcome) {
    return new Conformance(
        Sample.SOUTH,
        Json.digest(SOUTH),
        world.now,
        Arrays.stream(Line.values())
            .map(line -> new Check(line.wire(), 1, outcome, "as tried"))
            .toList());
  }

  private void take(Conformance report) {
    take(report.sign(TestSites.PARTIES.key(Parties.SOUTH)));
  }

  private void take(byte[] signed) {
    world.database.change(tx -> world.reports.take(tx, Parties.SOUTH.listing(), signed));
  }

  private Standing south() {
    return strict.find(Sample.SOUTH).orElseThrow();
  }

  private Optional<String> objection() {
    return south().examined().flatMap(Standing.Examined::objection);
  }

  @Test
  void whoIsAskedToShowWhatItListsIsNotListedUntilItDoes() {
    assertThat(strict.find(Sample.NORTH).orElseThrow().state()).isEqualTo(State.LISTED);
    assertThat(south().state()).isEqualTo(State.UNEXAMINED);
    assertThat(south().listing()).isEmpty();
    assertThat(world.state(Sample.SOUTH)).as("where nobody asks").isEqualTo(State.LISTED);
    take(report(Outcome.PASSED));
    assertThat(south().state()).isEqualTo(State.LISTED);
    assertThat(south().listing()).hasValue(SOUTH);
    assertThat(objection()).isEmpty();
    strict.note();
    assertThat(strict.history(Sample.SOUTH).getFirst().state()).isEqualTo(State.LISTED);
  }

  @ParameterizedTest
  @EnumSource(Line.class)
  void oneFalseLineIsEnough(Line line) {
    Conformance good = report(Outcome.PASSED);
    take(
        new Conformance(
            good.site(),
            good.listing(),
            good.at(),
            good.checks().stream()
                .map(
                    check ->
                        check.name().equals(line.wire())
                            ? new Check(check.name(), 1, Outcome.FAILED, "not so")
                            : check)
                .toList()));
    assertThat(south().state()).isEqualTo(State.UNEXAMINED);
    assertThat(objection()).hasValue(line.wire() + ": not so");
  }

  @Test
  void whatWasNotLookedAtIsNotShownAndWhatNobodyCanSeeIsNotAsked() {
    take(report(Outcome.SKIPPED));
    assertThat(objection()).hasValue("formats: as tried");
    world.now = world.now.plusSeconds(1);
    Conformance good = report(Outcome.WARNED);
    take(
        new Conformance(
            good.site(),
            good.listing(),
            good.at(),
            good.checks().stream()
                .filter(check -> !check.name().equals(Line.LANDING.wire()))
                .toList()));
    assertThat(objection()).hasValue("landing was not looked at");
    world.now = world.now.plusSeconds(1);
    take(report(Outcome.WARNED));
    assertThat(objection()).isEmpty();
  }

  @Test
  void aReportOnAnotherListingOrAnOldOneShowsNothing() {
    take(report(Outcome.PASSED));
    world.now = world.now.plus(Conformance.LIFE);
    world.list(Sample.LISTINGS);
    assertThat(south().state()).isEqualTo(State.UNEXAMINED);
    assertThat(objection())
        .hasValueSatisfying(why -> assertThat(why).startsWith("the examination is of"));
    take(report(Outcome.PASSED));
    assertThat(south().state()).isEqualTo(State.LISTED);
    world.list(List.of(Sample.filtering(SOUTH, 3)));
    assertThat(south().state()).isEqualTo(State.UNEXAMINED);
    assertThat(objection()).hasValue("another listing was examined");
  }

  @Test
  void theNewestCountsInWhateverOrderTheyCome() {
    Conformance first = report(Outcome.FAILED);
    world.now = world.now.plusSeconds(60);
    take(report(Outcome.PASSED));
    take(first);
    take(report(Outcome.PASSED));
    assertThat(objection()).isEmpty();
    assertThat(south().examined())
        .hasValueSatisfying(one -> assertThat(one.report().at()).isEqualTo(world.now));
  }

  @Test
  void whatAnotherSignedOrIsFromTheFutureIsRefused() {
    Conformance good = report(Outcome.PASSED);
    Conformance ahead =
        new Conformance(good.site(), good.listing(), world.now.plusSeconds(3601), good.checks());
    for (byte[] hostile :
        List.of(
            good.sign(TestSites.PARTIES.key(Parties.NORTH)),
            good.sign(TestSites.PARTIES.key(Parties.CATALOG)),
            good.sign(TestSites.PARTIES.forged(Parties.NORTH, Parties.SOUTH)),
            ahead.sign(TestSites.PARTIES.key(Parties.SOUTH)),
            new byte[Conformance.LONGEST + 1])) {
      assertThatThrownBy(() -> take(hostile)).isInstanceOf(Refused.class);
    }
    assertThatThrownBy(
            () ->
                world.database.change(
                    tx ->
                        world.reports.take(
                            tx,
                            Parties.NORTH.listing(),
                            good.sign(TestSites.PARTIES.key(Parties.SOUTH)))))
        .isInstanceOf(Refused.class);
    assertThat(south().examined()).isEmpty();
  }

  @Test
  void aReportOfLongBeforeThereWereAnyIsRefused() {
    Conformance good = report(Outcome.PASSED);
    assertThatThrownBy(
            () -> new Conformance(good.site(), good.listing(), Instant.MIN, good.checks()))
        .isInstanceOf(Refused.class);
  }

  @Test
  void whatAThiefReportedGivesWayOnceItsKeyIsTakenBack() {
    world.now = world.now.plusSeconds(3000);
    byte[] thief = report(Outcome.PASSED).sign(TestSites.PARTIES.key(Parties.SOUTH));
    world.now = world.now.minusSeconds(3000);
    take(thief);
    assertThat(south().state()).isEqualTo(State.LISTED);
    String leaf = Json.read(thief, Envelope.class).signatures().getFirst().cert().orElseThrow();
    world.trust.offer(TestSites.PARTIES.revoking(Sha256.of(Base64.getDecoder().decode(leaf))));
    assertThat(south().examined()).isEmpty();
    take(report(Outcome.FAILED).sign(TestSites.PARTIES.forged(Parties.SOUTH, Parties.SOUTH)));
    assertThat(objection()).isPresent();
  }
}
