package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;

import crossdock.disk.BadImageException.Reason;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The text in which a VMDK says what it is made of, as VMware, VirtualBox and QEMU write it. */
record VmdkDescriptor(String createType, List<Part> parts) {
  /** The four kinds of parts whose layout is known; any other is refused where it is used. */
  static final String SPARSE = "SPARSE";

  static final String FLAT = "FLAT";
  static final String VMFS = "VMFS";
  static final String ZERO = "ZERO";

  private static final String NO_PARENT = "ffffffff";
  private static final Pattern PART =
      Pattern.compile(
          "(?:RW|RDONLY)[ \\t]+([0-9]{1,18})[ \\t]+([A-Z]+)"
              + "(?:[ \\t]+\"([^\"]*)\")?(?:[ \\t]+([0-9]{1,18}))?");
  private static final Pattern PLAIN_NAME = Pattern.compile("[^\"/\\\\:\\x00-\\x1f]{1,255}");

  VmdkDescriptor {
    parts = List.copyOf(parts);
  }

  /**
   * One line about a part of the disk; the parts follow each other on it.
   *
   * @param file a plain name, empty if there is none
   * @param from the sector of the file where the part begins
   */
  record Part(long sectors, String kind, String file, long from) {}

  /**
   * @param at where the text is, for refusals
   * @param all the text, and what may follow it behind a zero byte or beyond its length
   * @throws BadImageException for a parent, even one behind the end that others might see, for a
   *     name that is not plain, a key twice, or a line that says nothing
   */
  static VmdkDescriptor parse(long at, String all, int length) throws BadImageException {
    if (all.toLowerCase(Locale.ROOT).contains("parentfilenamehint")) {
      throw bad(Reason.FOREIGN_REFERENCE, at, "a parent's name", "none");
    }
    int end = all.indexOf('\0');
    String text = all.substring(0, end < 0 ? Math.min(length, all.length()) : end);
    Map<String, String> values = new HashMap<>();
    List<Part> parts = new ArrayList<>();
    for (String line : text.split("[\\r\\n]+", -1)) {
      String trimmed = line.strip();
      int equals = trimmed.indexOf('=');
      if (trimmed.isEmpty() || trimmed.startsWith("#")) {
        continue;
      }
      Matcher part = PART.matcher(trimmed);
      if (part.matches()) {
        parts.add(part(at, part));
      } else if (equals > 0 && !trimmed.substring(0, equals).contains("\"")) {
        String key = trimmed.substring(0, equals).strip().toLowerCase(Locale.ROOT);
        String value = trimmed.substring(equals + 1).strip().replace("\"", "");
        if (values.putIfAbsent(key, value) != null) {
          throw bad(Reason.BAD_FIELD, at, "a key twice", "once");
        }
      } else {
        throw bad(Reason.BAD_FIELD, at, "a line that is neither key nor extent", "none");
      }
    }
    String parent = values.getOrDefault("parentcid", "no parentCID");
    if (!parent.equalsIgnoreCase(NO_PARENT)) {
      throw bad(Reason.FOREIGN_REFERENCE, at, printable(parent), NO_PARENT);
    }
    return new VmdkDescriptor(printable(values.getOrDefault("createtype", "no type")), parts);
  }

  private static Part part(long at, Matcher part) throws BadImageException {
    String name = part.group(3) == null ? "" : part.group(3);
    boolean plain = PLAIN_NAME.matcher(name).matches() && !name.equals(".") && !name.equals("..");
    if (!plain && !(name.isEmpty() && part.group(2).equals(ZERO))) {
      throw bad(Reason.FOREIGN_REFERENCE, at, printable(name), "a file name");
    }
    long from = part.group(4) == null ? 0 : Long.parseLong(part.group(4));
    return new Part(Long.parseLong(part.group(1)), part.group(2), name, from);
  }

  /** The text of a disk in one file. */
  static String write(String createType, String access, long sectors, String name, UUID id) {
    String content = id.toString().replace("-", "");
    String cid = content.substring(24).equals(NO_PARENT) ? "fffffffe" : content.substring(24);
    return """
        # Disk DescriptorFile
        version=1
        CID=%s
        parentCID=ffffffff
        createType="%s"

        # Extent description
        %s %d SPARSE "%s"

        # The Disk Data Base
        #DDB

        ddb.adapterType = "lsilogic"
        ddb.geometry.cylinders = "%d"
        ddb.geometry.heads = "255"
        ddb.geometry.sectors = "63"
        ddb.longContentID = "%s"
        ddb.virtualHWVersion = "4"
        """
        .formatted(
            cid, createType, access, sectors, name, Math.max(1, sectors / 255 / 63), content);
  }

  private static String printable(String text) {
    return text.substring(0, Math.min(80, text.length())).replaceAll("[^ -~]", "?");
  }
}
