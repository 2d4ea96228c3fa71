package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A disk behind an NBD export that somebody serves, such as a running QEMU's snapshot. All threads
 * share one connection; one that broke is replaced at the next request, the request that met it
 * fails.
 */
final class NbdDisk implements DiskSource {
  private static final int STATUS_RANGE = 1 << 30;

  private final Path socket;
  private final String export;
  private final long size;
  private final boolean blockStatus;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile @Nullable NbdClient connection;
  // The last answer to a block status request, by offset.
  private volatile NavigableMap<Long, Extent> known = new TreeMap<>();
  private volatile boolean closed;

  private NbdDisk(Path socket, String export, NbdClient connection) {
    this.socket = socket;
    this.export = export;
    this.size = connection.size();
    this.blockStatus = connection.hasBlockStatus();
    this.connection = connection;
  }

  /** The server is trusted with the content, not with lengths. */
  static NbdDisk open(Path socket, String export) throws IOException {
    return new NbdDisk(socket, export, NbdClient.connect(socket, export));
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    Objects.checkIndex(offset, size);
    long length = Math.min(atMost, size - offset);
    if (!blockStatus) {
      return new Extent(offset, length, Extent.Kind.DATA);
    }
    Extent found = lookUp(offset);
    if (found == null) {
      int range = (int) Math.min(STATUS_RANGE, size - offset);
      TreeMap<Long, Extent> answer = new TreeMap<>();
      for (Extent extent : with(client -> client.extents(offset, range))) {
        answer.put(extent.offset(), extent);
      }
      found = answer.firstEntry().getValue();
      known = answer;
    }
    return new Extent(offset, Math.min(length, found.end() - offset), found.kind());
  }

  private @Nullable Extent lookUp(long offset) {
    var entry = known.floorEntry(offset);
    return entry == null || entry.getValue().end() <= offset ? null : entry.getValue();
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    int limit = into.limit();
    try {
      for (long at = offset; into.position() < limit; ) {
        int part = Math.min(NbdClient.MAX_REQUEST, limit - into.position());
        long from = at;
        into.limit(into.position() + part);
        boolean _ =
            with(
                client -> {
                  client.read(from, into);
                  return true;
                });
        at += part;
      }
    } finally {
      into.limit(limit);
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    NbdClient open = connection;
    if (open == null) {
      return;
    }
    if (lock.tryLock()) {
      try {
        open.close();
      } finally {
        lock.unlock();
      }
    } else {
      open.sever();
    }
  }

  private interface Call<T> {
    T on(NbdClient client) throws IOException;
  }

  private <T> T with(Call<T> call) throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw new IOException("this disk is closed");
      }
      NbdClient client = connection;
      if (client == null) {
        client = NbdClient.connect(socket, export);
        connection = client;
      }
      boolean usable = false;
      try {
        T result = call.on(client);
        usable = true;
        return result;
      } catch (NbdClient.Refused e) {
        usable = true;
        throw e;
      } finally {
        if (!usable || closed) {
          connection = null;
          client.sever();
        }
      }
    } finally {
      lock.unlock();
    }
  }
}
