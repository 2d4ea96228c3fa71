package crossdock.contracts;

/**
 * Why a step failed or a migration is undone. Closed: a new reason is a new version of the
 * contract.
 */
public enum Reason {
  LINK_MISSING(false, "The caller has no fresh link to an account at one of the two providers."),
  NO_SUCH_MACHINE(false, "The caller owns no such machine at the source."),
  NO_SUCH_PROVIDER(false, "Source or target is not a listed provider."),
  UNMAPPABLE(false, "Something of the machine has no counterpart at the target."),
  PRICE_ABOVE_LIMIT(false, "The quote is above the limit of the request."),
  NOT_GRANTED_AT_SOURCE(false, "The customer has not said yes at the source, or it has expired."),
  NOT_GRANTED_AT_TARGET(false, "The customer has not said yes at the target, or it has expired."),
  REFUSED_BY_SOURCE(false, "The source provider does not release the machine."),
  REFUSED_BY_TARGET(false, "The target provider does not take the machine."),
  QUOTA(false, "The target has no room for it."),
  UNSAFE_IMAGE(false, "A disk failed a safety check."),
  CERTIFICATE_REFUSED(false, "The certificate does not verify at the target."),
  DIGEST_MISMATCH(false, "Bytes at the target are not the certified ones."),
  NOT_ALIVE(false, "The guest showed no sign of life at the target."),
  CHAIN_REFUSED(false, "The chain of events does not verify or has been forked."),
  CANCELLED(false, "The customer cancelled."),
  OVERDUE(false, "A party was silent beyond the limit of its step."),
  UNAVAILABLE(true, "Something needed was not available."),
  INTERNAL(true, "A fault in the software; the party's log has more.");

  private final boolean retryable;
  private final String text;

  Reason(boolean retryable, String text) {
    this.retryable = retryable;
    this.text = text;
  }

  /** Whether the gateway may order the step again. */
  public boolean retryable() {
    return retryable;
  }

  /** One sentence for the customer. */
  public String text() {
    return text;
  }
}
