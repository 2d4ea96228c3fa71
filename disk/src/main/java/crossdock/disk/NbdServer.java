package crossdock.disk;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/**
 * Lets other programs read a disk's guest-visible bytes, whatever its format, over NBD on a unix
 * socket: fixed newstyle, one export by any name, simple replies. Only an {@link Overlay} can be
 * written. What comes over the socket is checked before anything is allocated for it; at most
 * {@link #MOST} connections at once. The disk is read by several threads. Thread-safe.
 *
 * @see <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">The NBD
 *     protocol</a>
 */
public final class NbdServer implements Closeable {
  /** Connections at once; others wait. */
  static final int MOST = 8;

  private static final long NBDMAGIC = 0x4e42444d41474943L;
  private static final long IHAVEOPT = 0x49484156454f5054L;
  private static final long OPTION_REPLY = 0x3e889045565a9L;
  private static final int REQUEST = 0x25609513;
  private static final int SIMPLE_REPLY = 0x67446698;

  private static final short FIXED_NEWSTYLE = 1;
  private static final short NO_ZEROES = 2;
  private static final int OPT_EXPORT_NAME = 1;
  private static final int OPT_ABORT = 2;
  private static final int OPT_LIST = 3;
  private static final int OPT_INFO = 6;
  private static final int OPT_GO = 7;
  private static final int REP_ACK = 1;
  private static final int REP_SERVER = 2;
  private static final int REP_INFO = 3;
  private static final int REP_ERR_UNSUP = 0x80000001;
  private static final int REP_ERR_INVALID = 0x80000003;

  // HAS_FLAGS, READ_ONLY, CAN_MULTI_CONN: nothing changes, so every connection sees the same.
  private static final short ONLY_READ = 1 | 1 << 1 | 1 << 8;
  private static final short WRITABLE = 1 | 1 << 2; // HAS_FLAGS, SEND_FLUSH

  private static final short READ = 0;
  private static final short WRITE = 1;
  private static final short DISC = 2;
  private static final short FLUSH = 3;
  private static final int EPERM = 1;
  private static final int EIO = 5;
  private static final int EINVAL = 22;

  private static final int MAX_OPTION = 8 << 10;
  private static final int MAX_OPTIONS = 64;
  private static final int MAX_PART = 32 << 20;
  private static final int RESERVED_ZEROES = 124;

  private final DiskSource disk;
  private final Optional<Overlay> writable;
  private final Path socket;
  private final ServerSocketChannel server;
  private final Semaphore room = new Semaphore(MOST);
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();

  /**
   * Begins to serve.
   *
   * @param socket where; must not be there yet, and its path must be of at most 107 bytes
   */
  @SuppressWarnings("FutureReturnValueIgnored")
  public NbdServer(Path socket, DiskSource disk) throws IOException {
    this.disk = disk;
    this.writable = disk instanceof Overlay overlay ? Optional.of(overlay) : Optional.empty();
    this.socket = socket;
    this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      server.bind(UnixDomainSocketAddress.of(socket));
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
    Thread.ofVirtual().name("nbd-accept").start(this::accept);
  }

  private void accept() {
    while (server.isOpen()) {
      try {
        room.acquire();
        SocketChannel channel = server.accept();
        open.add(channel);
        if (!server.isOpen()) {
          channel.close();
        }
        Thread.ofVirtual().name("nbd").start(() -> serve(channel));
      } catch (IOException e) {
        room.release(); // closed, or one that went before it came
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      if (handshake(channel)) {
        transmit(channel);
      }
    } catch (IOException | BufferUnderflowException e) {
      // The other side went, or does not speak NBD: its connection ends, and no other.
    } finally {
      open.remove(channel);
      room.release();
    }
  }

  /** Whether the disk is to be read now. */
  private boolean handshake(SocketChannel channel) throws IOException {
    write(
        channel,
        ByteBuffer.allocate(18)
            .putLong(NBDMAGIC)
            .putLong(IHAVEOPT)
            .putShort((short) (FIXED_NEWSTYLE | NO_ZEROES)));
    int flags = read(channel, Integer.BYTES).getInt();
    for (int i = 0; i < MAX_OPTIONS; i++) {
      ByteBuffer head = read(channel, 16);
      long magic = head.getLong();
      int option = head.getInt();
      int length = head.getInt();
      if (magic != IHAVEOPT || length < 0 || length > MAX_OPTION) {
        return false;
      }
      ByteBuffer data = read(channel, length);
      switch (option) {
        case OPT_EXPORT_NAME -> {
          ByteBuffer export =
              ByteBuffer.allocate(10 + ((flags & NO_ZEROES) == 0 ? RESERVED_ZEROES : 0));
          export.putLong(disk.size()).putShort(flags()).position(export.limit());
          write(channel, export);
          return true;
        }
        case OPT_ABORT -> {
          reply(channel, option, REP_ACK, ByteBuffer.allocate(0));
          return false;
        }
        case OPT_LIST -> {
          reply(channel, option, REP_SERVER, ByteBuffer.allocate(4).putInt(0));
          reply(channel, option, REP_ACK, ByteBuffer.allocate(0));
        }
        case OPT_INFO, OPT_GO -> {
          if (length < 6 || data.getInt() > length - 6) {
            reply(channel, option, REP_ERR_INVALID, ByteBuffer.allocate(0));
          } else {
            ByteBuffer info = ByteBuffer.allocate(12).putShort((short) 0).putLong(disk.size());
            reply(channel, option, REP_INFO, info.putShort(flags()));
            reply(channel, option, REP_ACK, ByteBuffer.allocate(0));
            if (option == OPT_GO) {
              return true;
            }
          }
        }
        default -> reply(channel, option, REP_ERR_UNSUP, ByteBuffer.allocate(0));
      }
    }
    return false;
  }

  private static void reply(SocketChannel channel, int option, int type, ByteBuffer data)
      throws IOException {
    data.flip();
    write(
        channel,
        ByteBuffer.allocate(20 + data.limit())
            .putLong(OPTION_REPLY)
            .putInt(option)
            .putInt(type)
            .putInt(data.limit())
            .put(data));
  }

  private void transmit(SocketChannel channel) throws IOException {
    while (true) {
      ByteBuffer request = read(channel, 28);
      int magic = request.getInt();
      short _ = request.getShort();
      short type = request.getShort();
      long cookie = request.getLong();
      long offset = request.getLong();
      int length = request.getInt();
      if (magic != REQUEST || type == DISC) {
        return;
      }
      boolean outside =
          length < 0 || length > MAX_PART || offset < 0 || offset > disk.size() - length;
      switch (type) {
        case READ ->
            write(channel, outside ? simple(EINVAL, cookie, 0) : data(offset, length, cookie));
        case WRITE -> {
          if (outside || writable.isEmpty()) {
            // What would be written follows unasked, up to 4 GiB: rather than skip it, we end.
            write(channel, simple(writable.isEmpty() ? EPERM : EINVAL, cookie, 0));
            return;
          }
          write(channel, put(writable.get(), offset, read(channel, length), cookie));
        }
        case FLUSH -> write(channel, flush(cookie));
        default -> write(channel, simple(EINVAL, cookie, 0));
      }
    }
  }

  private short flags() {
    return writable.isPresent() ? WRITABLE : ONLY_READ;
  }

  private static ByteBuffer put(Overlay to, long offset, ByteBuffer bytes, long cookie) {
    try {
      to.write(offset, bytes);
      return simple(0, cookie, 0);
    } catch (IOException e) {
      // Not ENOSPC, at which QEMU stops its machine and waits.
      return simple(EIO, cookie, 0);
    }
  }

  private ByteBuffer flush(long cookie) {
    if (writable.isEmpty()) {
      return simple(EINVAL, cookie, 0);
    }
    try {
      writable.get().flush();
      return simple(0, cookie, 0);
    } catch (IOException e) {
      return simple(EIO, cookie, 0);
    }
  }

  private ByteBuffer data(long offset, int length, long cookie) {
    ByteBuffer answer = simple(0, cookie, length);
    try {
      disk.read(offset, answer);
      return answer;
    } catch (IOException e) {
      return simple(EIO, cookie, 0);
    }
  }

  private static ByteBuffer simple(int error, long cookie, int length) {
    return ByteBuffer.allocate(16 + length).putInt(SIMPLE_REPLY).putInt(error).putLong(cookie);
  }

  private static ByteBuffer read(SocketChannel channel, int bytes) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(bytes);
    while (into.hasRemaining()) {
      if (channel.read(into) < 0) {
        throw new EOFException();
      }
    }
    return into.flip();
  }

  /** What was put into it. */
  private static void write(SocketChannel channel, ByteBuffer from) throws IOException {
    from.flip();
    while (from.hasRemaining()) {
      channel.write(from);
    }
  }

  /** Ends every connection; the socket is gone then. The disk stays open. */
  @Override
  public void close() throws IOException {
    server.close();
    for (SocketChannel channel : open) {
      channel.close();
    }
    Files.deleteIfExists(socket);
  }
}
