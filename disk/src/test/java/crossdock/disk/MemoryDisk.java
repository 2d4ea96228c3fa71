package crossdock.disk;

import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/** A disk in memory that calls some of its all-zero pages ZERO and counts what is read. */
final class MemoryDisk implements DiskSource {
  static final int PAGE = 4096;

  final AtomicLong bytesRead = new AtomicLong();
  private final byte[] content;
  private final BitSet zeroPages;

  MemoryDisk(byte[] content, BitSet zeroPages) {
    this.content = content;
    this.zeroPages = zeroPages;
  }

  static MemoryDisk allData(byte[] content) {
    return new MemoryDisk(content, new BitSet());
  }

  @Override
  public long size() {
    return content.length;
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    Objects.checkIndex(offset, size());
    int page = (int) (offset / PAGE);
    boolean zero = zeroPages.get(page);
    int next = zero ? zeroPages.nextClearBit(page) : zeroPages.nextSetBit(page);
    long end = next < 0 ? size() : Math.min(size(), (long) next * PAGE);
    Extent.Kind kind = zero ? Extent.Kind.ZERO : Extent.Kind.DATA;
    return new Extent(offset, Math.min(atMost, end - offset), kind);
  }

  @Override
  public void read(long offset, ByteBuffer into) {
    Objects.checkFromIndexSize(offset, into.remaining(), size());
    bytesRead.addAndGet(into.remaining());
    into.put(content, (int) offset, into.remaining());
  }

  @Override
  public void close() {}
}
