package crossdock.disk;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A disk being written. Nothing is visible under its final name or id before {@link #finish}. All
 * offsets and lengths are bytes. {@link #write}, {@link #zero} and {@link #flush} may be called
 * from any thread, also at once, for ranges that do not overlap; finish, abandon and close only
 * when no other call is running. After a write has failed, what its range holds is unknown.
 */
public interface DiskSink extends Closeable {
  /** How an interrupted write may go on when the same sink is opened again. */
  enum Resume {
    /**
     * Any range may be written again, in any order. What was written is still there when the
     * process was killed, and what was flushed even when the power failed.
     */
    RANDOM,
    /** Only appending, from the offset last flushed. */
    OFFSET,
    /** From the beginning. */
    NONE
  }

  /** The size the disk was asked for; the container may have rounded up, with zeros. */
  long size();

  /** What this sink can do after an interruption. */
  Resume resume();

  /**
   * True if every byte not written yet reads as zero and nothing was written by an earlier attempt:
   * zero runs may be left out. A caller whose ledger says that chunks are already there, and who
   * sees true, has lost them and must begin again.
   */
  boolean startsZeroed();

  /**
   * Writes what remains of {@code data}; all of it, or it throws.
   *
   * @throws IndexOutOfBoundsException if that reaches beyond the disk
   */
  void write(long offset, ByteBuffer data) throws IOException;

  /** Makes a range read as zero, without using space where the container can help it. */
  void zero(long offset, long length) throws IOException;

  /** Returns when everything whose call had returned before survives a loss of power. */
  void flush() throws IOException;

  /** The only commit: makes all of it durable, then visible under its final name, and closes. */
  void finish() throws IOException;

  /** Removes what was written, as if it had never been opened, and closes. */
  void abandon() throws IOException;

  /** Lets go. Without finish or abandon before, what was flushed waits for a resume. */
  @Override
  void close() throws IOException;
}
