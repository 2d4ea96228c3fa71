package crossdock.contracts;

import java.util.Optional;

/**
 * How far a site is. Not folded. Counted from verified chunks. A worker that was killed may begin
 * with less again; what a customer is told never goes back within an attempt.
 *
 * @param step CERTIFY or IMPORT
 * @param doneBytes guest-visible bytes done
 * @param totalBytes of all disks, once for each time that they are read or written: at CERTIFY once
 *     or, where they are scanned, twice; at IMPORT once more, for what is written is read again
 * @param aheadBytes of other migrations, that the site's dock does before; absent once it has begun
 */
public record Progress(
    MigrationId migration,
    Step step,
    int attempt,
    long doneBytes,
    long totalBytes,
    Optional<Long> aheadBytes) {
  public Progress {
    if (attempt < 1 || doneBytes < 0 || totalBytes < doneBytes || aheadBytes.orElse(0L) < 0) {
      throw new Refused("progress is 0 to its total");
    }
  }

  /** Of one that has begun. */
  public Progress(MigrationId migration, Step step, int attempt, long doneBytes, long totalBytes) {
    this(migration, step, attempt, doneBytes, totalBytes, Optional.empty());
  }

  /** The most that there can be to do in this step, for disks of so many bytes. */
  public static long most(Step step, long diskBytes) {
    return (step == Step.IMPORT ? 3 : 2) * diskBytes;
  }
}
