package crossdock.contracts;

/**
 * How far a site is. Not folded. Counted from verified chunks. A worker that was killed may begin
 * with less again; what a customer is told never goes back within an attempt.
 *
 * @param step CERTIFY or IMPORT
 * @param doneBytes guest-visible bytes done
 * @param totalBytes of all disks; at IMPORT twice as many, for what is written is read again
 */
public record Progress(
    MigrationId migration, Step step, int attempt, long doneBytes, long totalBytes) {
  public Progress {
    if (attempt < 1 || doneBytes < 0 || totalBytes < doneBytes) {
      throw new Refused("progress is 0 to its total");
    }
  }
}
