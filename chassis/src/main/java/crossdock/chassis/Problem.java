package crossdock.chassis;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/**
 * Every way in which a request can be refused, each with a stable code; {@code docs/problems} has a
 * page for each.
 */
public enum Problem {
  MALFORMED_REQUEST(400, "The request is not well-formed"),
  IDEMPOTENCY_KEY_MISSING(400, "An Idempotency-Key is needed"),
  UNAUTHENTICATED(401, "A valid bearer token is needed"),
  FORBIDDEN(403, "The caller may not do this"),
  NOT_FOUND(404, "There is no such thing, or it is not yours"),
  TOO_EARLY(409, "It is too early for this"),
  TOO_LATE(409, "It is too late for this"),
  TOO_MANY_SUBSCRIPTIONS(409, "The partner has as many subscriptions as it may have"),
  IDEMPOTENCY_KEY_REUSED(422, "The Idempotency-Key was used for another request"),
  UNKNOWN_PROVIDER(422, "Source or target is not a listed provider"),
  ADDRESS_REFUSED(422, "The address may not be called"),
  UNAVAILABLE(503, "Something needed is not available"),
  INTERNAL(500, "A fault on our side");

  private final int status;
  private final String title;

  Problem(int status, String title) {
    this.status = status;
    this.title = title;
  }

  /** HTTP status code. */
  public int status() {
    return status;
  }

  /** The {@code type} of RFC 9457. */
  public String type() {
    return "urn:crossdock:problem:" + name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The refusal, with one sentence about this case. */
  public Thrown because(String detail) {
    return new Thrown(this, detail);
  }

  Body body(String detail) {
    return new Body(type(), title, status, detail);
  }

  /** RFC 9457. */
  record Body(
      @JsonProperty("type") String type,
      @JsonProperty("title") String title,
      @JsonProperty("status") int status,
      @JsonProperty("detail") String detail) {}

  /** Ends a request with a problem. */
  public static final class Thrown extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Problem problem;

    Thrown(Problem problem, String detail) {
      super(detail);
      this.problem = problem;
    }

    /** The stable code. */
    public Problem problem() {
      return problem;
    }
  }
}
