package crossdock.disk;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One connection for reading from an NBD server on a unix socket: fixed newstyle handshake,
 * structured replies and block status where the server has them. One request at a time; not
 * thread-safe. Every length from the server is checked before anything is allocated or skipped for
 * it. After any exception but {@link Refused} the connection is of no further use.
 */
final class NbdClient implements Closeable {
  /** The server's own "no" to one request; the connection goes on. */
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;

    Refused(String what, int errno) {
      super("NBD server refused " + what + " with error " + errno);
    }
  }

  /** Largest read in one request, well below the 32 MiB every server takes. */
  static final int MAX_REQUEST = 4 << 20;

  // Of sun_path's 108 bytes, with the closing zero; a longer path is reached through a link.
  private static final int MAX_ADDRESS = 107;

  private static final long NBDMAGIC = 0x4e42444d41474943L;
  private static final long IHAVEOPT = 0x49484156454f5054L;
  private static final long OPTION_REPLY = 0x3e889045565a9L;
  private static final int REQUEST = 0x25609513;
  private static final int SIMPLE_REPLY = 0x67446698;
  private static final int STRUCTURED_REPLY = 0x668e33ef;

  private static final int FIXED_NEWSTYLE = 1;
  private static final int NO_ZEROES = 2;

  private static final int OPT_GO = 7;
  private static final int OPT_STRUCTURED_REPLY = 8;
  private static final int OPT_SET_META_CONTEXT = 10;
  private static final int REP_ACK = 1;
  private static final int REP_INFO = 3;
  private static final int REP_META_CONTEXT = 4;
  private static final int INFO_EXPORT = 0;
  private static final String ALLOCATION = "base:allocation";

  private static final int HAS_FLAGS = 1;

  private static final short READ = 0;
  private static final short DISC = 2;
  private static final short BLOCK_STATUS = 7;

  private static final int DONE = 1;
  private static final int TYPE_NONE = 0;
  private static final int TYPE_DATA = 1;
  private static final int TYPE_HOLE = 2;
  private static final int TYPE_STATUS = 5;
  private static final int TYPE_ERROR = 1 << 15;
  private static final int STATE_ZERO = 2;

  // Strings of the protocol are at most 4 KiB; QEMU sends at most 1 MiB of block status.
  private static final int MAX_OPTION_REPLY = 64 << 10;
  private static final int MAX_ERROR = 8 << 10;
  private static final int MAX_ERRORS = 16;
  private static final int MAX_STATUS = (1 << 20) + 4;

  private final SocketChannel channel;
  private boolean structured;
  private boolean allocation;
  private int allocationContext;
  private long size;
  private int flags;
  private long cookie;
  private int simpleError;
  private int errors;

  private NbdClient(SocketChannel channel) {
    this.channel = channel;
  }

  /** Connects and goes to the transmission phase for that export. */
  static NbdClient connect(Path socket, String export) throws IOException {
    NbdClient client = new NbdClient(open(socket.toAbsolutePath()));
    try {
      client.handshake(export.getBytes(UTF_8));
      return client;
    } catch (Throwable e) {
      client.channel.close();
      throw e;
    }
  }

  private static SocketChannel open(Path socket) throws IOException {
    if (socket.toString().getBytes(UTF_8).length <= MAX_ADDRESS) {
      return SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }
    Path directory = Files.createTempDirectory("crossdock-");
    Path link = directory.resolve("d");
    try {
      Files.createSymbolicLink(link, socket.resolveSibling("."));
      return SocketChannel.open(UnixDomainSocketAddress.of(link.resolve(socket.getFileName())));
    } finally {
      Files.deleteIfExists(link);
      Files.delete(directory);
    }
  }

  long size() {
    return size;
  }

  boolean hasBlockStatus() {
    return allocation;
  }

  // ---- handshake ----

  private void handshake(byte[] export) throws IOException {
    ByteBuffer hello = receive(18);
    expect(hello.getLong() == NBDMAGIC && hello.getLong() == IHAVEOPT, "not an NBD server");
    int server = hello.getShort();
    expect((server & FIXED_NEWSTYLE) != 0, "no fixed newstyle handshake");
    send(ByteBuffer.allocate(4).putInt(server & (FIXED_NEWSTYLE | NO_ZEROES)).flip());

    structured = option(OPT_STRUCTURED_REPLY, ByteBuffer.allocate(0));
    if (structured) {
      byte[] query = ALLOCATION.getBytes(UTF_8);
      ByteBuffer data = ByteBuffer.allocate(4 + export.length + 8 + query.length);
      data.putInt(export.length).put(export).putInt(1).putInt(query.length).put(query);
      boolean known = option(OPT_SET_META_CONTEXT, data.flip());
      allocation &= known;
    }
    ByteBuffer go = ByteBuffer.allocate(4 + export.length + 2);
    go.putInt(export.length).put(export).putShort((short) 0);
    expect(option(OPT_GO, go.flip()), "the server does not offer that export");
    expect((flags & HAS_FLAGS) != 0, "the server did not describe the export");
  }

  /** Sends an option and takes its replies; true if it ended in ACK, false if in an error. */
  private boolean option(int option, ByteBuffer data) throws IOException {
    ByteBuffer request = ByteBuffer.allocate(16 + data.remaining());
    request.putLong(IHAVEOPT).putInt(option).putInt(data.remaining()).put(data);
    send(request.flip());
    for (int replies = 0; replies < 64; replies++) {
      ByteBuffer reply = receive(20);
      expect(
          reply.getLong() == OPTION_REPLY && reply.getInt() == option, "reply to another option");
      int type = reply.getInt();
      ByteBuffer body = receive(length(reply.getInt(), 0, MAX_OPTION_REPLY));
      if (type == REP_ACK) {
        return true;
      } else if (type < 0) {
        return false; // errors have the highest bit set
      } else if (type == REP_INFO && option == OPT_GO) {
        info(body);
      } else if (type == REP_META_CONTEXT && option == OPT_SET_META_CONTEXT) {
        expect(body.remaining() >= 4, "short context");
        allocationContext = body.getInt();
        allocation = UTF_8.decode(body).toString().equals(ALLOCATION);
      } else {
        throw new IOException("NBD: unexpected reply " + type + " to option " + option);
      }
    }
    throw new IOException("NBD: too many replies to option " + option);
  }

  private void info(ByteBuffer body) throws IOException {
    expect(body.remaining() >= 2, "short information");
    if (body.getShort() == INFO_EXPORT) {
      expect(body.remaining() == 10, "export information of another length");
      size = body.getLong();
      flags = body.getShort() & 0xffff;
      expect(size >= 0, "an export of 2^63 bytes or more");
    }
  }

  // ---- transmission; callers stay within the export and MAX_REQUEST ----

  /** Fills what remains of the buffer. */
  void read(long offset, ByteBuffer into) throws IOException {
    int length = into.remaining();
    request(READ, offset, length);
    if (!structured) {
      simpleReply("read");
      receive(into);
      return;
    }
    int start = into.position();
    int limit = into.limit();
    int error = 0;
    Chunk chunk;
    do {
      chunk = chunk();
      if (chunk.type == TYPE_DATA || chunk.type == TYPE_HOLE) {
        boolean hole = chunk.type == TYPE_HOLE;
        length(chunk.length, hole ? 12 : 9, hole ? 12 : length + 8);
        long at = receive(8).getLong();
        int part = hole ? receive(4).getInt() : chunk.length - 8;
        // The protocol lets them come in any order; no server we know does that.
        expect(
            at == offset + into.position() - start && part > 0 && part <= limit - into.position(),
            "a piece outside the range that was asked for");
        into.limit(into.position() + part);
        if (hole) {
          Zeros.fill(into, part);
        } else {
          receive(into);
        }
        into.limit(limit);
      } else if (chunk.type != TYPE_NONE) {
        error = error(chunk);
      }
    } while (!chunk.done());
    if (error != 0) {
      throw new Refused("read", error);
    }
    expect(!into.hasRemaining(), "fewer bytes than asked for");
  }

  /** The runs from an offset on, neighbours of a kind joined; maybe fewer bytes than asked for. */
  List<Extent> extents(long offset, int length) throws IOException {
    request(BLOCK_STATUS, offset, length);
    List<Extent> extents = new ArrayList<>();
    int error = 0;
    Chunk chunk;
    do {
      chunk = chunk();
      if (chunk.type == TYPE_STATUS) {
        expect(chunk.length % 8 == 4 && extents.isEmpty(), "malformed block status");
        ByteBuffer body = receive(length(chunk.length, 12, MAX_STATUS));
        expect(body.getInt() == allocationContext, "block status of another context");
        long at = offset;
        while (body.hasRemaining() && at < offset + length) {
          long run = Math.min(body.getInt() & 0xffffffffL, offset + length - at);
          expect(run > 0, "an empty run");
          boolean zero = (body.getInt() & STATE_ZERO) != 0;
          add(extents, new Extent(at, run, zero ? Extent.Kind.ZERO : Extent.Kind.DATA));
          at += run;
        }
      } else if (chunk.type != TYPE_NONE) {
        error = error(chunk);
      }
    } while (!chunk.done());
    if (error != 0) {
      throw new Refused("block status", error);
    }
    expect(!extents.isEmpty(), "no block status");
    return extents;
  }

  private static void add(List<Extent> extents, Extent next) {
    if (!extents.isEmpty() && extents.getLast().kind() == next.kind()) {
      Extent last = extents.removeLast();
      extents.add(new Extent(last.offset(), last.length() + next.length(), next.kind()));
    } else {
      extents.add(next);
    }
  }

  /** Says goodbye, if that is possible, and closes. Only when no request is under way. */
  @Override
  public void close() throws IOException {
    try (channel) {
      if (channel.isConnected()) {
        request(DISC, 0, 0);
      }
    } catch (IOException e) {
      // The server went first.
    }
  }

  /** Closes at once, from any thread; a request under way fails. */
  void sever() throws IOException {
    channel.close();
  }

  // ---- messages ----

  private record Chunk(int flags, int type, int length) {
    boolean done() {
      return (flags & DONE) != 0;
    }
  }

  private void request(short command, long offset, int length) throws IOException {
    errors = 0;
    ByteBuffer header = ByteBuffer.allocate(28);
    header.putInt(REQUEST).putShort((short) 0).putShort(command).putLong(++cookie);
    send(header.putLong(offset).putInt(length).flip());
  }

  private void simpleReply(String what) throws IOException {
    ByteBuffer reply = receive(16);
    expect(reply.getInt() == SIMPLE_REPLY, "no reply where one is due");
    int error = reply.getInt();
    expect(reply.getLong() == cookie, "reply to another request");
    if (error != 0) {
      throw new Refused(what, error);
    }
  }

  /** The head of the next part of a reply; a simple reply becomes one that is done. */
  private Chunk chunk() throws IOException {
    ByteBuffer head = receive(16);
    int magic = head.getInt();
    if (magic == SIMPLE_REPLY) {
      simpleError = head.getInt();
      expect(head.getLong() == cookie, "reply to another request");
      return new Chunk(DONE, simpleError == 0 ? TYPE_NONE : TYPE_ERROR, -1);
    }
    expect(magic == STRUCTURED_REPLY, "no reply where one is due");
    int replyFlags = head.getShort();
    int type = head.getShort() & 0xffff;
    expect(head.getLong() == cookie, "reply to another request");
    int length = receive(4).getInt();
    expect(
        type != TYPE_NONE || (length == 0 && (replyFlags & DONE) != 0),
        "an empty part that is not the last");
    return new Chunk(replyFlags, type, length);
  }

  private int error(Chunk chunk) throws IOException {
    expect((chunk.type & TYPE_ERROR) != 0, "a part of unknown type " + chunk.type);
    expect(++errors <= MAX_ERRORS, "errors without end");
    int errno =
        chunk.length < 0 ? simpleError : receive(length(chunk.length, 6, MAX_ERROR)).getInt();
    expect(errno != 0, "an error without number");
    return errno;
  }

  private static int length(int length, int least, int most) throws IOException {
    expect(length >= least && length <= most, "a length of " + Integer.toUnsignedString(length));
    return length;
  }

  private static void expect(boolean condition, String otherwise) throws IOException {
    if (!condition) {
      throw new IOException("NBD: " + otherwise);
    }
  }

  private ByteBuffer receive(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    receive(bytes);
    return bytes.flip();
  }

  private void receive(ByteBuffer into) throws IOException {
    while (into.hasRemaining()) {
      if (channel.read(into) < 0) {
        throw new EOFException("NBD: the server closed the connection");
      }
    }
  }

  private void send(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
