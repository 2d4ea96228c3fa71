package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Header and embedded descriptor of one-file VMDKs: monolithicSparse and streamOptimized. */
final class VmdkSafety {
  private static final int SECTOR = 512;
  private static final long GD_AT_END = -1;
  private static final int NEWLINE_TEST = 1;
  private static final byte[] NEWLINES = {'\n', ' ', '\r', '\n'};
  private static final Set<String> TYPES = Set.of("monolithicSparse", "streamOptimized");
  // What QEMU reads as the descriptor, whatever length the header gives.
  private static final int LEAST_DESCRIPTOR = 20 * SECTOR;
  private static final int MOST_DESCRIPTOR_SECTORS = 128;
  private static final Pattern EXTENT =
      Pattern.compile("(RW|RDONLY|NOACCESS)[ \\t]+([0-9]{1,18})[ \\t]+([A-Z]+)(.*)");
  private static final Pattern SIMPLE_NAME =
      Pattern.compile("[ \\t]+\"([^\"/\\\\:]{1,255})\"[ \\t]*");

  private VmdkSafety() {}

  static long check(ImageBytes image, long most) throws IOException {
    ByteBuffer header = image.read(0, SECTOR, ByteOrder.LITTLE_ENDIAN);
    long size = header(0, header, most);
    if (header.getLong(56) == GD_AT_END) {
      // Marker, second header, end of stream: the second header is the one that counts.
      long at = image.size() - 2 * SECTOR;
      ByteBuffer footer = image.read(at, SECTOR, ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < 79; i++) {
        boolean offsetOfDirectory = i >= 48 && i < 72;
        if (!offsetOfDirectory && footer.get(i) != header.get(i)) {
          throw bad(Reason.BAD_FIELD, at + i, "a footer", "the same as the header");
        }
      }
      header(at, footer, most);
      range(at + 56, "grain directory", footer.getLong(56), 1, image.size() / SECTOR);
      directory(image, at, footer);
    } else {
      directory(image, 0, header);
    }
    descriptor(image, header);
    return size;
  }

  private static long header(long at, ByteBuffer header, long most) throws IOException {
    range(at + 4, "version", header.getInt(4), 1, 3);
    // Zero would make QEMU take the descriptor for one that names other files.
    long sectors = range(at + 12, "capacity", header.getLong(12), 1, Long.MAX_VALUE / SECTOR);
    long grain = range(at + 20, "grain", header.getLong(20), 8, 4096);
    if (Long.bitCount(grain) != 1) {
      throw bad(Reason.BAD_FIELD, at + 20, "grain of " + grain, "a power of two");
    }
    range(at + 44, "entries in a grain table", header.getInt(44), 512, 512);
    range(at + 77, "compression", header.getShort(77), 0, 1);
    boolean tested = (header.getInt(8) & NEWLINE_TEST) != 0;
    if (tested && !header.slice(73, 4).equals(ByteBuffer.wrap(NEWLINES))) {
      throw bad(Reason.BAD_FIELD, at + 73, "newlines changed in transit", "unchanged");
    }
    return ImageBytes.virtualSize(at + 12, sectors * SECTOR, most);
  }

  private static void directory(ImageBytes image, long at, ByteBuffer header) throws IOException {
    long covered = header.getLong(20) * 512;
    long entries = (header.getLong(12) - 1) / covered + 1;
    long sector = range(at + 56, "grain directory", header.getLong(56), 1, image.size() / SECTOR);
    image.inside(sector * SECTOR, entries * 4);
  }

  private static void descriptor(ImageBytes image, ByteBuffer header) throws IOException {
    long sector = range(28, "descriptor", header.getLong(28), 1, image.size() / SECTOR);
    long sectors = range(36, "descriptor sectors", header.getLong(36), 1, MOST_DESCRIPTOR_SECTORS);
    long at = sector * SECTOR;
    int length = (int) Math.min(Math.max(sectors * SECTOR, LEAST_DESCRIPTOR), image.size() - at);
    image.inside(at, sectors * SECTOR);
    String all = ISO_8859_1.decode(image.read(at, length, ByteOrder.LITTLE_ENDIAN)).toString();
    if (all.toLowerCase(Locale.ROOT).contains("parentfilenamehint")) {
      throw bad(Reason.FOREIGN_REFERENCE, at, "a parent's name", "none");
    }
    int end = all.indexOf('\0');
    String text = end < 0 ? all.substring(0, (int) (sectors * SECTOR)) : all.substring(0, end);

    Map<String, String> values = new HashMap<>();
    int extents = 0;
    for (String line : text.split("[\\r\\n]+", -1)) {
      String trimmed = line.strip();
      int equals = trimmed.indexOf('=');
      if (trimmed.isEmpty() || trimmed.startsWith("#")) {
        continue;
      }
      Matcher extent = EXTENT.matcher(trimmed);
      if (extent.matches()) {
        extents++;
        extent(at, extent, header.getLong(12));
      } else if (equals > 0) {
        String key = trimmed.substring(0, equals).strip().toLowerCase(Locale.ROOT);
        String value = trimmed.substring(equals + 1).strip().replace("\"", "");
        if (values.putIfAbsent(key, value) != null) {
          throw bad(Reason.BAD_FIELD, at, "a key twice", "once");
        }
      } else {
        throw bad(Reason.BAD_FIELD, at, "a line that is neither key nor extent", "none");
      }
    }
    if (extents != 1) {
      throw bad(Reason.FOREIGN_REFERENCE, at, extents + " extents", "1");
    }
    String type = values.getOrDefault("createtype", "no type");
    if (!TYPES.contains(type)) {
      throw bad(Reason.UNSUPPORTED, at, printable(type), "" + TYPES);
    }
    String parent = values.getOrDefault("parentcid", "no parentCID");
    if (!parent.equalsIgnoreCase("ffffffff")) {
      throw bad(Reason.FOREIGN_REFERENCE, at, printable(parent), "ffffffff");
    }
  }

  private static void extent(long at, Matcher extent, long capacity) throws BadImageException {
    if (!extent.group(3).equals("SPARSE")) {
      throw bad(Reason.FOREIGN_REFERENCE, at, "extent " + extent.group(3), "SPARSE");
    }
    Matcher name = SIMPLE_NAME.matcher(extent.group(4));
    if (!name.matches() || name.group(1).equals("..")) {
      throw bad(Reason.FOREIGN_REFERENCE, at, printable(extent.group(4)), "a file name");
    }
    range(at, "extent sectors", Long.parseLong(extent.group(2)), capacity, capacity);
  }

  private static String printable(String text) {
    return text.substring(0, Math.min(80, text.length())).replaceAll("[^ -~]", "?");
  }
}
