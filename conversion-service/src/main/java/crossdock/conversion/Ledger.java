package crossdock.conversion;

import crossdock.disk.DiskSink;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Which chunks of a disk are in their place, in two bitmaps beside the job. One has those that were
 * flushed, whatever happens. The other has all that were written: a killed process takes nothing of
 * that along, so they count until the machine is started anew. Thread-safe.
 */
final class Ledger implements Closeable {
  /** A word that the kernel makes at its start, proc(5). */
  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");

  private final Path flushed;
  private final FileChannel written;
  private final int header;
  private final BitSet there;
  // What no failing write can take away any more.
  private final BitSet durable;
  private int unflushed;
  private boolean broken;

  private Ledger(Path flushed, FileChannel written, int header, BitSet there, BitSet durable) {
    this.flushed = flushed;
    this.written = written;
    this.header = header;
    this.there = there;
    this.durable = durable;
  }

  /**
   * Goes on with what is there.
   *
   * @param file of the flushed ones; the other is beside it
   * @param sink one that starts zeroed has lost all that an earlier turn wrote
   */
  static Ledger open(Path file, DiskSink sink) throws IOException {
    Path written = file.resolveSibling(file.getFileName() + ".written");
    byte[] boot = Files.exists(BOOT) ? Files.readAllBytes(BOOT) : new byte[0];
    boolean anew = sink.startsZeroed();
    BitSet durable =
        !anew && Files.exists(file) ? BitSet.valueOf(Files.readAllBytes(file)) : new BitSet();
    BitSet there = (BitSet) durable.clone();
    there.or(anew ? durable : since(boot, written));
    byte[] bits = there.toByteArray();
    byte[] all = Arrays.copyOf(boot, boot.length + bits.length);
    System.arraycopy(bits, 0, all, boot.length, bits.length);
    replace(written, all);
    if (anew) {
      Files.deleteIfExists(file);
    }
    FileChannel channel = FileChannel.open(written, StandardOpenOption.WRITE);
    return new Ledger(file, channel, boot.length, there, durable);
  }

  private static BitSet since(byte[] boot, Path written) throws IOException {
    byte[] all = Files.exists(written) ? Files.readAllBytes(written) : new byte[0];
    boolean same =
        boot.length > 0
            && all.length >= boot.length
            && Arrays.equals(all, 0, boot.length, boot, 0, boot.length);
    return same
        ? BitSet.valueOf(ByteBuffer.wrap(all, boot.length, all.length - boot.length))
        : new BitSet();
  }

  synchronized boolean has(int chunk) {
    return there.get(chunk);
  }

  /** To be said when it is written, and not before. */
  synchronized void add(int chunk) throws IOException {
    there.set(chunk);
    unflushed++;
    byte bits = 0;
    for (int bit = 0; bit < Byte.SIZE; bit++) {
      bits |= (byte) (there.get((chunk & ~7) + bit) ? 1 << bit : 0);
    }
    written.write(ByteBuffer.wrap(new byte[] {bits}), header + (chunk >>> 3));
  }

  /** How many have come since the last {@link #flush}. */
  synchronized int unflushed() {
    return unflushed;
  }

  /**
   * From here on even a loss of power takes nothing of them. If it fails, only what an earlier one
   * reached counts: the system tells of a write that was lost once, and of which it was never.
   *
   * @throws IOException also ever after it has failed
   */
  void flush(DiskSink sink) throws IOException {
    BitSet before;
    synchronized (this) {
      if (broken) {
        throw new IOException("what was written may be lost: it begins where it was flushed");
      }
      before = (BitSet) there.clone();
      unflushed = 0;
    }
    try {
      sink.flush();
    } catch (IOException | RuntimeException e) {
      forget();
      throw e;
    }
    synchronized (this) {
      durable.or(before);
    }
    replace(flushed, before.toByteArray());
  }

  private synchronized void forget() throws IOException {
    broken = true;
    there.clear();
    there.or(durable);
    // Without its first bytes it is of no start of the machine.
    written.truncate(0);
  }

  private static void replace(Path file, byte[] content) throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    try (FileChannel channel =
        FileChannel.open(
            next,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      for (ByteBuffer all = ByteBuffer.wrap(content); all.hasRemaining(); ) {
        channel.write(all);
      }
      channel.force(false);
    }
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void close() throws IOException {
    written.close();
  }
}
