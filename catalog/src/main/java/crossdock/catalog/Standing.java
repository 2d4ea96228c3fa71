package crossdock.catalog;

import crossdock.contracts.Conformance;
import crossdock.contracts.Listing;
import crossdock.contracts.SiteId;
import java.time.Instant;
import java.util.Optional;

/**
 * How a site stands at some time.
 *
 * @param version of the newest listing that it published, if it has
 * @param expiresAt when that ends or has ended
 * @param listing what it offers, only where it is {@link State#LISTED}
 * @param examined what it found of itself, if it has said so
 */
record Standing(
    SiteId site,
    State state,
    Optional<Long> version,
    Optional<Instant> expiresAt,
    Optional<Listing> listing,
    Optional<Examined> examined) {

  /**
   * A site's word on itself.
   *
   * @param objection why that does not show that the site is what it lists now; empty if it does
   */
  record Examined(Conformance report, Optional<String> objection) {}

  /** New work is planned between listed sites only. */
  enum State {
    /** A member, and nothing that it published holds. */
    APPLIED("has published no listing that holds"),
    /** What it published holds, and nothing shows that it is true, which is asked of it. */
    UNEXAMINED("has not shown that it is what it lists"),
    /** What it published holds. */
    LISTED("is listed"),
    /** What it published has ended. */
    EXPIRED("has not renewed its listing"),
    /** The members let it begin nothing. */
    SUSPENDED("is suspended"),
    /** It takes no new work, because it is about to leave. */
    LEAVING("is about to leave"),
    /** It was a member. */
    LEFT("has left");

    private final String text;

    State(String text) {
      this.text = text;
    }

    /** What follows the site's name in a sentence. */
    String text() {
      return text;
    }
  }

  /**
   * A site's standing from some time on.
   *
   * @param bundle the version of the trust bundle that it follows from
   * @param version of the site's newest listing then, if it had published one
   */
  record Change(State state, Instant at, long bundle, Optional<Long> version) {}
}
