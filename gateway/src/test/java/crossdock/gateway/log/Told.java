package crossdock.gateway.log;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Bundle;
import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.gateway.Facts;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** A migration told fact by fact, a second apart, each by whom it concerns; nobody signs. */
record Told(Migration migration, Instant now) {
  private static final Bundle CERTIFICATE = Facts.certificate(new Parties(), Facts.ID);

  /** As far as that {@code step} is due. */
  static Told upTo(Step step) {
    return upTo(step, Fact.Acceptance.AUTOMATIC);
  }

  static Told upTo(Step step, Fact.Acceptance accept) {
    Told told = new Told(Migration.of(Facts.ID), Facts.START);
    for (Fact fact : story(accept)) {
      if (told.migration.due().stream().anyMatch(due -> due.step() == step)) {
        return told;
      }
      told = told.with(fact);
    }
    return told;
  }

  /** Every fact of a migration that goes well. */
  static List<Fact> story(Fact.Acceptance accept) {
    return List.of(
        Facts.requested(accept),
        Facts.authorized(),
        new Fact.Inspected(Facts.MACHINE),
        new Fact.Planned(Facts.PLAN),
        new Fact.Quoted(Facts.QUOTE),
        new Fact.Approved(Facts.PLAN.digest(), Facts.QUOTE.digest()),
        new Fact.Cleared(Facts.PLAN.digest(), false),
        new Fact.Reserved(Facts.PLAN.digest()),
        new Fact.Stopped(Facts.START),
        Facts.opened(),
        new Fact.Certified(1, true, CERTIFICATE),
        Facts.imported(CERTIFICATE),
        new Fact.Booted("vm-9", "counter 7"),
        new Fact.Accepted(Fact.Acceptance.AUTOMATIC),
        new Fact.Retired(false),
        new Fact.Settled(Facts.QUOTE));
  }

  /** With a fact that takes effect. */
  Told with(Fact fact) {
    return after(fact)
        .orElseThrow(() -> new AssertionError(fact + " has no effect in " + migration.state()));
  }

  /** With a fact, if it takes effect under any attempt. */
  Optional<Told> after(Fact fact) {
    Party by =
        Answers.role(fact)
            .map(role -> role == Role.GATEWAY ? Parties.GATEWAY : migration.party(role))
            .orElse(Parties.NORTH);
    return IntStream.rangeClosed(1, 100)
        .mapToObj(attempt -> new Report(Facts.ID, by, attempt, Facts.START, fact))
        .filter(migration::takes)
        .findFirst()
        .map(this::add);
  }

  private Told add(Report report) {
    Envelope envelope =
        new Envelope(
            Base64.getEncoder().encodeToString(Json.bytes(report)),
            Report.PAYLOAD_TYPE,
            List.of(new Envelope.Signature("AA==", Optional.empty(), Optional.empty())));
    Instant next = now.plusSeconds(1);
    return new Told(
        migration.after(new Event(Facts.ID, migration.sequence() + 1, Sha256.NONE, next, envelope)),
        next);
  }

  /** Later. */
  Told at(Instant later) {
    return new Told(migration, later);
  }

  /** The machine changed before it was opened, and everybody agreed again as far as that. */
  Told drifted(int cpus) {
    Plan plan = Facts.plan(Facts.machine(cpus), Plan.Severity.INFORMATION);
    return with(new Fact.Drifted(Facts.machine(cpus)))
        .with(new Fact.Planned(plan))
        .with(new Fact.Quoted(Facts.quote(plan, "EUR")))
        .with(new Fact.Approved(plan.digest(), Facts.quote(plan, "EUR").digest()))
        .with(new Fact.Cleared(plan.digest(), false))
        .with(new Fact.Reserved(plan.digest()))
        .with(new Fact.Stopped(Facts.START));
  }
}
