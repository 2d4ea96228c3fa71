package crossdock.disk;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * A disk behind an NBD export. A few connections at most are shared by all threads; one that broke
 * is replaced at the next request, the request that met it fails. As a sink it writes in place:
 * finish flushes, abandon leaves things as they are.
 */
final class NbdDisk implements DiskSource, DiskSink {
  private static final int STATUS_RANGE = 1 << 30;

  private final Path socket;
  private final String export;
  private final long size;
  private final boolean writable;
  private final boolean blockStatus;
  private final Closeable server;
  private final Semaphore free;
  private final Queue<NbdClient> idle = new ConcurrentLinkedQueue<>();
  private final Set<NbdClient> open = ConcurrentHashMap.newKeySet();
  // The last answer to a block status request, by offset; only kept where nothing changes.
  private volatile NavigableMap<Long, Extent> known = new TreeMap<>();
  private volatile boolean closed;

  private NbdDisk(
      Path socket,
      String export,
      NbdClient first,
      long size,
      boolean writable,
      int connections,
      Closeable server) {
    this.socket = socket;
    this.export = export;
    this.size = size;
    this.writable = writable;
    this.blockStatus = first.hasBlockStatus();
    this.server = server;
    this.free = new Semaphore(connections);
    open.add(first);
    idle.add(first);
  }

  /** Somebody else's export, such as a running QEMU's snapshot, over one connection. */
  static NbdDisk source(Path socket, String export) throws IOException {
    NbdClient first = NbdClient.connect(socket, export);
    return new NbdDisk(socket, export, first, first.size(), false, 1, () -> {});
  }

  /** Our own server's export of a disk of that size; closing ends the server. */
  static NbdDisk source(QemuNbd server, long size) throws IOException {
    return of(server, size, false, 2);
  }

  /** As above, for writing: one connection, so that a flush covers every write before it. */
  static NbdDisk sink(QemuNbd server, long size) throws IOException {
    return of(server, size, true, 1);
  }

  private static NbdDisk of(QemuNbd server, long size, boolean writable, int connections)
      throws IOException {
    NbdClient first = NbdClient.connect(server.socket(), QemuNbd.EXPORT);
    if (first.size() != QemuNbd.sectors(size) || (writable && first.isReadOnly())) {
      first.close();
      throw new IOException(
          "QEMU sees a disk of " + first.size() + " bytes where " + size + " were expected");
    }
    return new NbdDisk(server.socket(), QemuNbd.EXPORT, first, size, writable, connections, server);
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
      int range = (int) Math.min(STATUS_RANGE, writable ? length : size - offset);
      TreeMap<Long, Extent> answer = new TreeMap<>();
      for (Extent extent : with(client -> client.extents(offset, range))) {
        answer.put(extent.offset(), extent);
      }
      found = answer.firstEntry().getValue();
      if (!writable) {
        known = answer;
      }
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
    inParts(offset, into, NbdClient::read);
  }

  @Override
  public void write(long offset, ByteBuffer data) throws IOException {
    Objects.checkFromIndexSize(offset, data.remaining(), size);
    inParts(offset, data, NbdClient::write);
  }

  @Override
  public void zero(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    Zeros.zero(this, offset, length, (at, part) -> with(client -> done(client, at, part)));
  }

  private static boolean done(NbdClient client, long at, int part) throws IOException {
    client.zero(at, part);
    return true;
  }

  @Override
  public void flush() throws IOException {
    with(
        client -> {
          client.flush();
          return true;
        });
  }

  @Override
  public Resume resume() {
    return Resume.RANDOM;
  }

  @Override
  public boolean startsZeroed() {
    return false;
  }

  @Override
  public void finish() throws IOException {
    flush();
    close();
  }

  @Override
  public void abandon() throws IOException {
    close();
  }

  @Override
  public void close() throws IOException {
    closed = true;
    try (server) {
      for (NbdClient client; (client = idle.poll()) != null; ) {
        client.close();
        open.remove(client);
      }
      for (NbdClient busy : open) {
        busy.sever();
      }
    }
  }

  private interface Transfer {
    void move(NbdClient client, long offset, ByteBuffer bytes) throws IOException;
  }

  private void inParts(long offset, ByteBuffer bytes, Transfer transfer) throws IOException {
    int limit = bytes.limit();
    long at = offset;
    try {
      while (bytes.hasRemaining()) {
        int part = Math.min(NbdClient.MAX_REQUEST, bytes.remaining());
        long from = at;
        bytes.limit(bytes.position() + part);
        with(
            client -> {
              transfer.move(client, from, bytes);
              return true;
            });
        bytes.limit(limit);
        at += part;
      }
    } finally {
      bytes.limit(limit);
    }
  }

  private interface Call<T> {
    T on(NbdClient client) throws IOException;
  }

  private <T> T with(Call<T> call) throws IOException {
    try {
      free.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for a connection", e);
    }
    try {
      NbdClient client = borrow();
      boolean usable = false;
      try {
        T result = call.on(client);
        usable = true;
        return result;
      } catch (NbdClient.Refused e) {
        usable = true;
        throw e;
      } finally {
        if (usable && !closed) {
          idle.add(client);
        } else {
          client.sever();
          open.remove(client);
        }
      }
    } finally {
      free.release();
    }
  }

  private NbdClient borrow() throws IOException {
    if (closed) {
      throw new IOException("this disk is closed");
    }
    NbdClient client = idle.poll();
    if (client == null) {
      client = NbdClient.connect(socket, export);
      open.add(client);
    }
    return client;
  }
}
