package crossdock.conversion;

import crossdock.chassis.StepFailed;
import crossdock.contracts.Reason;
import crossdock.disk.DiskHasher;
import crossdock.disk.LeafFile;
import crossdock.disk.Sha256;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;

/**
 * Holds the leaves of a disk that is read back against those it was pulled with, so that the first
 * chunk that differs is named, and ends it.
 *
 * @param leaves empty if they are not known any more: then the root alone says whether it differs
 */
record Pulled(String disk, Optional<LeafFile> leaves) implements DiskHasher.Leaves, Closeable {
  @Override
  public void leaf(long chunk, Sha256 hash) throws IOException {
    if (leaves.isPresent() && !leaves.get().at(chunk).leaf().equals(hash)) {
      throw differs(chunk);
    }
  }

  @Override
  public void zeros(long chunk, long count) throws IOException {
    for (long at = chunk; leaves.isPresent() && at < chunk + count; ) {
      LeafFile.Run run = leaves.get().at(at);
      if (!run.isZero()) {
        throw differs(at);
      }
      at = run.end();
    }
  }

  private StepFailed differs(long chunk) {
    return new StepFailed(
        Reason.DIGEST_MISMATCH, disk + " reads back otherwise, at chunk " + chunk);
  }

  @Override
  public void close() throws IOException {
    if (leaves.isPresent()) {
      leaves.get().close();
    }
  }
}
