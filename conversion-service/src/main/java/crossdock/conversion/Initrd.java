package crossdock.conversion;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Initial RAM disks of Linux: archives behind each other, each compressed or not, of which the
 * kernel unpacks one after the other, so that what stands behind adds to what was there.
 *
 * @see <a href="https://docs.kernel.org/driver-api/early-userspace/buffer-format.html">initramfs
 *     buffer format</a>
 */
final class Initrd {
  private static final int HEADER = 110;
  private static final int MOST_ENTRIES = 8192;
  private static final int MOST_ZEROS = 1 << 20;
  private static final int LONGEST_NAME = 4096;
  private static final String CPIO = "0707"; // of every ASCII format
  private static final String TRAILER = "TRAILER!!!";
  private static final int FILE = 0100644;
  private static final int DIRECTORY = 040755;
  private static final int MOST_FILES = 64;
  private static final int MOST_MODULES = 20_000;
  private static final int LONGEST_LINE = 16 << 10;
  private static final int AHEAD = 256 << 10;
  private static final Pattern PATH = Pattern.compile("[A-Za-z0-9._+/-]{1,256}");
  private static final Set<String> NO_NAMES = Set.of("", ".", "..");

  private Initrd() {}

  /** Reads at most that many bytes; fewer at the end. */
  @FunctionalInterface
  interface Reader {
    byte[] part(long from, int count) throws IOException, InterruptedException;
  }

  /**
   * Whether the kernel goes on to what is put behind it. Behind lz4 it does not: that format has no
   * end.
   */
  static boolean goesOn(Reader part) throws IOException, InterruptedException {
    Reader reader = ahead(part);
    long at = 0;
    for (int entry = 0; entry < MOST_ENTRIES; entry++) {
      byte[] head = reader.part(at, HEADER);
      if (!starts(head, CPIO)) {
        return ends(head);
      }
      if (head.length < HEADER) {
        return false;
      }
      long size = hex(head, 54);
      long name = hex(head, 94);
      if (name < 1 || name > LONGEST_NAME || size < 0) {
        return false;
      }
      byte[] called = reader.part(at + HEADER, (int) name);
      at = four(four(at + HEADER + name) + size);
      if (starts(called, TRAILER)) {
        at = afterZeros(reader, at);
      }
    }
    return false; // nobody has seen how it ends
  }

  /** One that reads more than it is asked for, as what comes next is mostly near. */
  private static Reader ahead(Reader reader) {
    long[] start = {0};
    byte[][] known = {new byte[0]};
    return (from, count) -> {
      if (from < start[0] || from + count > start[0] + known[0].length) {
        start[0] = from;
        known[0] = reader.part(from, Math.max(count, AHEAD));
      }
      int at = (int) (from - start[0]);
      return Arrays.copyOfRange(known[0], at, Math.min(at + count, known[0].length));
    };
  }

  private static long afterZeros(Reader reader, long from)
      throws IOException, InterruptedException {
    for (long at = from; at < from + MOST_ZEROS; ) {
      byte[] some = reader.part(at, 64 << 10);
      if (some.length == 0) {
        return at;
      }
      for (byte one : some) {
        if (one != 0) {
          return at;
        }
        at++;
      }
    }
    return from;
  }

  /** Of gzip, bzip2, xz, lzma and Zstandard, or of nothing more. */
  private static boolean ends(byte[] head) {
    return head.length == 0
        || starts(head, "\u001f\u008b")
        || starts(head, "BZh")
        || starts(head, "\u00fd7zXZ")
        || starts(head, "]\0\0")
        || starts(head, "(\u00b5/\u00fd");
  }

  private static boolean starts(byte[] bytes, String with) {
    for (int i = 0; i < with.length(); i++) {
      if (i >= bytes.length || (bytes[i] & 0xff) != with.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static long hex(byte[] head, int at) {
    try {
      return Long.parseLong(new String(head, at, 8, US_ASCII), 16);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static long four(long at) {
    return at + 3 & ~3L;
  }

  /** A file's bytes. */
  @FunctionalInterface
  interface File {
    byte[] bytes() throws IOException, InterruptedException;
  }

  /**
   * Writes an archive to put behind others: files, one after the other, and the directories from
   * below {@code beneath} on, which is there.
   */
  static void cpio(OutputStream to, String beneath, SortedMap<String, File> files)
      throws IOException, InterruptedException {
    Aligned out = new Aligned(to);
    TreeSet<String> directories = new TreeSet<>();
    for (String path : files.keySet()) {
      for (int end = path.lastIndexOf('/'); end > beneath.length(); ) {
        directories.add(path.substring(0, end));
        end = path.lastIndexOf('/', end - 1);
      }
    }
    int inode = 1;
    for (String directory : directories) {
      entry(out, inode++, DIRECTORY, directory, new byte[0]);
    }
    for (Map.Entry<String, File> file : files.entrySet()) {
      entry(out, inode++, FILE, file.getKey(), file.getValue().bytes());
    }
    entry(out, 0, 0, TRAILER, new byte[0]);
  }

  /** In the format newc. */
  private static void entry(Aligned out, int inode, int mode, String name, byte[] content)
      throws IOException {
    int[] fields = {inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length() + 1, 0};
    StringBuilder head = new StringBuilder("070701");
    for (int field : fields) {
      head.append("%08x".formatted(field));
    }
    out.write(head.append(name).append('\0').toString().getBytes(US_ASCII));
    out.write(content);
  }

  /** All that is written begins at a multiple of four bytes. */
  private static final class Aligned {
    private final OutputStream out;

    Aligned(OutputStream out) {
      this.out = out;
    }

    void write(byte[] bytes) throws IOException {
      out.write(bytes);
      out.write(new byte[(int) (four(bytes.length) - bytes.length)]);
    }
  }

  /**
   * The files of modules and of all that these need.
   *
   * @param dep {@code modules.dep}, modules.dep(5)
   * @param wanted modules by name; those that are not there are left out
   * @throws Unfit if a path in it is none, or there are more than 64
   */
  static SequencedSet<String> files(String dep, Collection<String> wanted) throws IOException {
    Map<String, List<String>> needs = new HashMap<>();
    Map<String, String> named = new HashMap<>();
    for (Iterator<String> lines = dep.lines().iterator(); lines.hasNext(); ) {
      String line = lines.next();
      int colon = line.indexOf(':');
      if (named.size() > MOST_MODULES || line.length() > LONGEST_LINE) {
        throw new Unfit("nobody has so many modules");
      }
      if (colon > 0) {
        String file = line.substring(0, colon);
        named.put(module(file), file);
        needs.put(file, List.of(line.substring(colon + 1).strip().split("\\s+")));
      }
    }
    SequencedSet<String> files = new LinkedHashSet<>();
    Deque<String> open = new ArrayDeque<>();
    wanted.stream().map(named::get).filter(Objects::nonNull).forEach(open::add);
    while (!open.isEmpty()) {
      String file = open.remove();
      if (file.isEmpty() || !files.add(file)) {
        continue;
      }
      if (!PATH.matcher(file).matches()
          || Stream.of(file.split("/", -1)).anyMatch(NO_NAMES::contains)) {
        throw new Unfit("a module is in a path that is none");
      }
      if (files.size() > MOST_FILES) {
        throw new Unfit("a driver needs more than " + MOST_FILES + " modules");
      }
      open.addAll(needs.getOrDefault(file, List.of()));
    }
    return files;
  }

  /** A module's name, however its file is called. */
  static String module(String file) {
    return file.substring(file.lastIndexOf('/') + 1)
        .replaceFirst("\\.ko(\\.(gz|xz|zst))?$", "")
        .replace('-', '_');
  }
}
