package crossdock.contracts;

import java.time.Instant;

/**
 * One fact, as its author signs it. The id is made of what it is about, so that the same report
 * sent again is the same report, and another one under that id is a conflict.
 *
 * @param by who states it; must be who signed the envelope
 * @param attempt the attempt of the step that it answers, from 1
 * @param at the author's clock
 */
public record Report(MigrationId migration, Party by, int attempt, Instant at, Fact fact) {
  /** The payload type of its DSSE envelope. */
  public static final String PAYLOAD_TYPE = "application/vnd.crossdock.report.v1+json";

  public Report {
    if (attempt < 1) {
      throw new Refused("attempts count from 1");
    }
  }

  /** Deterministic: migration, author, fact, attempt, and what tells facts of one attempt apart. */
  public String id() {
    String apart =
        switch (fact) {
          case Fact.Failed failed -> failed.step().wire();
          case Fact.Retried retried -> retried.step().wire();
          case Fact.Overdue overdue -> overdue.step().wire();
          case Fact.Certified certified -> Integer.toString(certified.round());
          case Fact.Imported imported -> Integer.toString(imported.round());
          case Fact.Undone undone -> undone.basis().name();
          case Fact.Stuck stuck -> stuck.owed().toString();
          case Fact.Used used -> used.meter() + "/" + used.quantity().toPlainString();
          case Fact.Requested _,
              Fact.Authorized _,
              Fact.Inspected _,
              Fact.Planned _,
              Fact.Quoted _,
              Fact.Approved _,
              Fact.Cleared _,
              Fact.Reserved _,
              Fact.Stopped _,
              Fact.Opened _,
              Fact.Drifted _,
              Fact.Lapsed _,
              Fact.Booted _,
              Fact.Accepted _,
              Fact.Retired _,
              Fact.Settled _,
              Fact.Undoing _,
              Fact.Unknown _ ->
              "";
        };
    return String.join(
        "/", migration.value(), by.urn(), fact.type(), Integer.toString(attempt), apart);
  }
}
