package crossdock.conversion;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import com.github.luben.zstd.ZstdInputStream;
import crossdock.chassis.Held;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.SingleXZInputStream;

/**
 * Which modules an initial RAM disk of Linux has: archives (cpio, newc) one behind the other, up to
 * the first that is compressed, and all that is in that.
 *
 * @see <a href="https://docs.kernel.org/driver-api/early-userspace/buffer-format.html">initramfs
 *     buffer format</a>
 */
final class InitrdModules {
  private static final int HEADER = 110;
  private static final int LONGEST_NAME = 4096;
  private static final int MOST_ENTRIES = 200_000;
  private static final int MOST_CHARACTERS = 256 << 10;
  private static final long MOST_BYTES = 1L << 30;
  private static final int LONGEST_WINDOW = 25; // as a power of two
  private static final int MOST_MEMORY_KIB = 48 << 10;
  private static final Pattern HEX = Pattern.compile("[0-9a-fA-F]{8}");
  private static final String TRAILER = "TRAILER!!!";

  private final Held held;
  private final List<String> found = new ArrayList<>();
  private long bytes;
  private int characters;
  private int entries;

  private InitrdModules(Held held) {
    this.held = held;
  }

  /**
   * Their paths, at most 256 Ki characters of them; none if it cannot be read to the end of what it
   * is: lz4, or more than anybody has.
   */
  static List<String> in(InputStream initrd, Held held) {
    InitrdModules modules = new InitrdModules(held);
    try {
      modules.all(new BufferedInputStream(initrd, 64 << 10), false);
      return List.copyOf(modules.found);
    } catch (IOException | RuntimeException e) {
      held.check();
      return List.of(); // nobody knows what comes where it could not be read
    }
  }

  private void all(BufferedInputStream in, boolean inside) throws IOException {
    for (int archives = 0; ; ) {
      byte[] magic = inside && archives > 0 ? magicOrEnd(in) : magic(in);
      if (magic.length == 0) {
        return;
      }
      if (starts(magic, '0', '7', '0', '7', '0')) {
        archive(in);
        archives++;
        continue;
      }
      if (inside) {
        throw new IOException("what is compressed is no archive");
      }
      // Behind it is another kernel's, or what somebody has put there.
      try (InputStream plain = plain(in, magic)) {
        all(new BufferedInputStream(plain, 64 << 10), true);
      }
      return;
    }
  }

  /** What is behind all that is compressed together is nothing that a decompressor reads. */
  private byte[] magicOrEnd(BufferedInputStream in) {
    try {
      return magic(in);
    } catch (IOException e) {
      return new byte[0];
    }
  }

  /** What comes next, behind zeros; it stays there. */
  private byte[] magic(BufferedInputStream in) throws IOException {
    int first = 0;
    while (first == 0) {
      in.mark(8);
      first = in.read();
      count(1);
    }
    if (first < 0) {
      return new byte[0];
    }
    in.reset();
    in.mark(8);
    byte[] magic = in.readNBytes(6);
    in.reset();
    return magic;
  }

  private static boolean starts(byte[] magic, int... with) {
    byte[] wanted = new byte[with.length];
    for (int i = 0; i < with.length; i++) {
      wanted[i] = (byte) with[i];
    }
    return Arrays.equals(magic, 0, Math.min(with.length, magic.length), wanted, 0, with.length);
  }

  private static InputStream plain(InputStream in, byte[] magic) throws IOException {
    if (starts(magic, 0x1f, 0x8b)) {
      return new GZIPInputStream(in, 64 << 10);
    }
    if (starts(magic, 0x28, 0xb5, 0x2f, 0xfd)) {
      return new ZstdInputStream(in).setContinuous(false).setLongMax(LONGEST_WINDOW);
    }
    if (starts(magic, 0xfd, '7', 'z', 'X', 'Z', 0)) {
      return new SingleXZInputStream(in, MOST_MEMORY_KIB);
    }
    throw new IOException("compressed with something else");
  }

  /** To its last entry, which says so. */
  private void archive(InputStream in) throws IOException {
    String name;
    do {
      byte[] head = in.readNBytes(HEADER);
      if (head.length < HEADER || !starts(head, '0', '7', '0', '7', '0')) {
        throw new EOFException("an archive without end");
      }
      long size = number(head, 54);
      long length = number(head, 94);
      if (length < 1 || length > LONGEST_NAME) {
        throw new IOException("a name of " + length + " bytes");
      }
      byte[] called = in.readNBytes((int) length);
      name = new String(called, 0, Math.max(0, called.length - 1), ISO_8859_1);
      count(HEADER + length + size);
      in.skipNBytes(-(HEADER + length) & 3);
      in.skipNBytes(size + (-size & 3));
      if (++entries > MOST_ENTRIES) {
        throw new IOException("too many files");
      }
      if (entries % 256 == 0) {
        held.check();
      }
      if (name.contains(".ko") && characters + name.length() <= MOST_CHARACTERS) {
        characters += name.length();
        found.add(name);
      }
    } while (!name.equals(TRAILER));
  }

  private static long number(byte[] head, int at) throws IOException {
    String hex = new String(head, at, 8, US_ASCII);
    if (!HEX.matcher(hex).matches()) {
      throw new IOException("no number in an archive");
    }
    return Long.parseLong(hex, 16);
  }

  private void count(long more) throws IOException {
    bytes += more;
    if (bytes > MOST_BYTES) {
      throw new IOException("too long");
    }
  }
}
