package crossdock.disk.ova;

import static crossdock.disk.ImageBytes.bad;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.disk.BadImageException;
import crossdock.disk.BadImageException.Reason;
import crossdock.disk.ImageBytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Uncompressed tar archives of plain files (POSIX.1-2001 "ustar" and "pax", and GNU's long names
 * and large sizes). Anything else in one is refused.
 */
final class Tar {
  static final int BLOCK = 512;

  private static final int MOST_MEMBERS = 1024;
  private static final int MOST_EXTENSION = 64 << 10;
  private static final int NAME = 100;
  private static final int SIZE = 124;
  private static final int SIZE_LENGTH = 12;
  private static final int CHECKSUM = 148;
  private static final int CHECKSUM_LENGTH = 8;
  private static final int TYPE = 156;
  private static final int MAGIC = 257;
  private static final int PREFIX = 345;
  private static final int PREFIX_LENGTH = 155;
  private static final long LARGEST_OCTAL = (1L << 33) - 1;

  private Tar() {}

  /** Sees the members one after the other, each before the next one's header is read. */
  interface Visitor {
    void member(Ova.Member member) throws IOException;
  }

  /**
   * Reads an archive up to the zeros at its end.
   *
   * @throws BadImageException for all but plain files with plain names, each once
   */
  static void read(ImageBytes archive, Visitor visitor) throws IOException {
    Set<String> names = new HashSet<>();
    @Nullable String name = null;
    long size = -1;
    for (long at = 0; ; ) {
      ByteBuffer header = archive.read(at, BLOCK, ByteOrder.BIG_ENDIAN);
      if (isZero(header)) {
        return;
      }
      check(at, header);
      long length = number(at + SIZE, header);
      char type = (char) (header.get(TYPE) & 0xff);
      switch (type) {
        case 'x', 'L' -> {
          ImageBytes.range(at + SIZE, "extension", length, 0, MOST_EXTENSION);
          ByteBuffer bytes = archive.read(at + BLOCK, (int) length, ByteOrder.BIG_ENDIAN);
          if (type == 'L') {
            name = text(bytes, 0, bytes.limit());
          } else {
            String path = pax(at + BLOCK, bytes, "path");
            String large = pax(at + BLOCK, bytes, "size");
            name = path == null ? name : path;
            size = large == null ? size : decimal(at + BLOCK, large);
          }
        }
        case '0', '\0' -> {
          String plain = plain(at, name == null ? name(header) : name);
          if (!names.add(plain) || names.size() > MOST_MEMBERS) {
            throw bad(Reason.FOREIGN_REFERENCE, at, "a name twice, or too many", "once");
          }
          length = size < 0 ? length : size;
          archive.inside(at + BLOCK, length);
          visitor.member(new Ova.Member(plain, at + BLOCK, length));
          name = null;
          size = -1;
        }
        case '1', '2' -> throw bad(Reason.FOREIGN_REFERENCE, at + TYPE, "a link", "a file");
        default -> throw bad(Reason.UNSUPPORTED, at + TYPE, "type " + (int) type, "a file");
      }
      at += BLOCK + padded(length);
      archive.inside(at, 0);
    }
  }

  /** How much room that many bytes take. */
  static long padded(long length) {
    return (length + BLOCK - 1) / BLOCK * BLOCK;
  }

  private static boolean isZero(ByteBuffer block) {
    return block.equals(ByteBuffer.allocate(BLOCK));
  }

  private static void check(long at, ByteBuffer header) throws BadImageException {
    String magic = ISO_8859_1.decode(header.slice(MAGIC, 6)).toString();
    if (!magic.equals("ustar\0") && !magic.equals("ustar ")) {
      throw bad(Reason.WRONG_FORMAT, at + MAGIC, "no such mark", "ustar");
    }
    if (octal(at, header, CHECKSUM, CHECKSUM_LENGTH) != checksum(header)) {
      throw bad(Reason.BAD_CHECKSUM, at + CHECKSUM, "a checksum", "the right one");
    }
  }

  private static int checksum(ByteBuffer header) {
    int sum = CHECKSUM_LENGTH * ' ';
    for (int i = 0; i < BLOCK; i++) {
      sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_LENGTH ? 0 : header.get(i) & 0xff;
    }
    return sum;
  }

  /** Octal digits, or GNU's binary with the first bit set. */
  private static long number(long at, ByteBuffer header) throws BadImageException {
    if (header.get(SIZE) >= 0) {
      return octal(at, header, SIZE, SIZE_LENGTH);
    }
    long high = header.getInt(SIZE) & 0x7fffffffL;
    ImageBytes.range(at, "size", high, 0, 0);
    return ImageBytes.range(at, "size", header.getLong(SIZE + 4), 0, Ova.MOST_BYTES);
  }

  private static long octal(long at, ByteBuffer header, int from, int length)
      throws BadImageException {
    String digits = text(header, from, length).strip();
    if (!digits.matches("[0-7]{1,12}")) {
      throw bad(Reason.BAD_FIELD, at, "no number", "octal digits");
    }
    return Long.parseLong(digits, 8);
  }

  private static long decimal(long at, String digits) throws BadImageException {
    if (!digits.matches("[0-9]{1,18}")) {
      throw bad(Reason.BAD_FIELD, at, "no number", "decimal digits");
    }
    return ImageBytes.range(at, "size", Long.parseLong(digits), 0, Ova.MOST_BYTES);
  }

  /** The last value of a key in records of the form "length key=value\n". */
  private static @Nullable String pax(long at, ByteBuffer records, String key)
      throws BadImageException {
    String found = null;
    for (int from = 0; from < records.limit(); ) {
      int space = from;
      while (space < records.limit() && records.get(space) != ' ' && space - from < 6) {
        space++;
      }
      String digits = UTF_8.decode(records.slice(from, space - from)).toString();
      int length = digits.matches("[0-9]{1,5}") ? Integer.parseInt(digits) : 0;
      int begin = space + 1 - from;
      if (length <= begin || length > records.limit() - from) {
        throw bad(Reason.BAD_FIELD, at + from, "a pax record", "one of the right length");
      }
      String record = UTF_8.decode(records.slice(from + begin, length - begin)).toString();
      if (record.startsWith("GNU.sparse")) {
        throw bad(Reason.UNSUPPORTED, at + from, "a sparse member", "a file");
      }
      if (record.startsWith(key + "=")) {
        found = record.substring(key.length() + 1).stripTrailing();
      }
      from += length;
    }
    return found;
  }

  private static String name(ByteBuffer header) {
    String prefix = header.get(MAGIC + 5) == 0 ? text(header, PREFIX, PREFIX_LENGTH) : "";
    return (prefix.isEmpty() ? "" : prefix + "/") + text(header, 0, NAME);
  }

  private static String plain(long at, String name) throws BadImageException {
    String plain = name.startsWith("./") ? name.substring(2) : name;
    if (!OvfDescriptor.isPlain(plain)) {
      throw bad(Reason.FOREIGN_REFERENCE, at, "a name that is not plain", "a file name");
    }
    return plain;
  }

  private static String text(ByteBuffer bytes, int from, int length) {
    int end = from;
    while (end < from + length && bytes.get(end) != 0) {
      end++;
    }
    return UTF_8.decode(bytes.slice(from, end - from)).toString();
  }

  /**
   * The header of a file; sizes from 8 GiB on are written as GNU's tar does.
   *
   * @throws IllegalArgumentException for a name that is not plain or longer than 100 bytes
   */
  static ByteBuffer header(String name, long size) {
    byte[] bytes = name.getBytes(UTF_8);
    if (!OvfDescriptor.isPlain(name) || bytes.length > NAME || size < 0) {
      throw new IllegalArgumentException("a member " + name + " of " + size + " bytes");
    }
    ByteBuffer header = ByteBuffer.allocate(BLOCK).put(0, bytes);
    header.put(NAME, ascii("0000644\0" + "0000000\0" + "0000000\0"));
    if (size <= LARGEST_OCTAL) {
      header.put(SIZE, ascii("%011o\0".formatted(size)));
    } else {
      header.put(SIZE, (byte) 0x80).putLong(SIZE + 4, size);
    }
    header.put(SIZE + SIZE_LENGTH, ascii("00000000000\0"));
    header.put(TYPE, (byte) '0').put(MAGIC, ascii("ustar\00000"));
    return header.put(CHECKSUM, ascii("%06o\0 ".formatted(checksum(header))));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(ISO_8859_1);
  }
}
