package crossdock.conversion;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What becomes of a guest's settings. Texts go in and come out byte for byte where they stay. */
final class Edits {
  private static final String DISK =
      "/dev/(?:(?<letter>(?:sd|vd|hd|xvd)(?<disk>[a-z]{1,2})(?<part>\\d{0,3}))"
          + "|nvme(?<nvme>\\d)n1(?:p(?<piece>\\d{1,3}))?)";
  private static final Pattern FIRST_WORD =
      Pattern.compile("(?m)^(?<before>[ \\t]*)(?<device>" + DISK + ")(?=[ \\t])");
  private static final Pattern ROOT = Pattern.compile("\\broot=" + DISK + "(?=[\\s\"']|$)");

  /** Which lines of a boot loader's settings are what a kernel is started with. */
  enum Settings {
    /** {@code grub.cfg}. */
    GRUB("[ \\t]*linux(16|efi)?[ \\t].*"),
    /** An entry of the Boot Loader Specification, whose {@code linux} is but a path. */
    ENTRY("options[ \\t].*"),
    /** {@code /etc/kernel/cmdline}: all of it. */
    LINE(".*\\S.*"),
    /** {@code /etc/default/grub}, of which the next {@code grub.cfg} is made. */
    DEFAULTS("GRUB_CMDLINE_LINUX=.*");

    private final Pattern kernel;

    Settings(String kernel) {
      this.kernel = Pattern.compile(kernel);
    }

    static Settings of(String file) {
      if (file.equals("/etc/default/grub")) {
        return DEFAULTS;
      }
      return file.endsWith(".conf") ? ENTRY : file.endsWith("/cmdline") ? LINE : GRUB;
    }
  }

  private static final Pattern CARD =
      Pattern.compile(
          "(?<![\\w.-])(?:eno\\d{1,5}|ens\\d{1,5}|enp\\d{1,3}s\\d{1,3}(?:f\\d{1,2})?|eth\\d{1,3})(?![\\w-])");

  private Edits() {}

  /**
   * A text, changed.
   *
   * @param times how often
   * @param left what should have been changed and could not
   */
  record Edited(String text, int times, List<String> left) {}

  /**
   * {@code fstab(5)}, with file systems by UUID in the place of those by the names of disks. None
   * of them where it is not clear which disk has which name: on two kinds of buses there are two
   * first disks, and what the guest mounts as its root must be its root.
   *
   * @param uuid of a file system, by the name that libguestfs has for where it is
   * @param root what the UUID of its root is
   */
  static Edited fstab(String fstab, Function<String, Optional<String>> uuid, String root) {
    Map<String, String> known = new LinkedHashMap<>();
    Set<String> buses = new HashSet<>();
    boolean clear = true;
    List<String> left = new ArrayList<>();
    Matcher found = FIRST_WORD.matcher(fstab);
    while (found.find()) {
      String device = found.group("device");
      buses.add(device.substring("/dev/".length(), "/dev/".length() + 2));
      Optional<String> its = device(found).flatMap(uuid);
      its.ifPresentOrElse(one -> known.put(device, one), () -> left.add(device));
      boolean isRoot = fstab.substring(found.end()).matches("(?s)[ \\t]+/[ \\t].*");
      clear &= !isRoot || its.equals(Optional.of(root));
    }
    clear &= buses.size() < 2 && new HashSet<>(known.values()).size() == known.size();
    if (!clear) {
      left.addAll(known.keySet());
      return new Edited(fstab, 0, left);
    }
    int[] times = {0};
    String text =
        FIRST_WORD
            .matcher(fstab)
            .replaceAll(
                line -> {
                  String its = known.get(line.group("device"));
                  if (its == null) {
                    return Matcher.quoteReplacement(line.group());
                  }
                  times[0]++;
                  return Matcher.quoteReplacement(line.group("before") + "UUID=" + its);
                });
    return new Edited(text, times[0], left);
  }

  /** By the place of the disk, as guests and libguestfs both name them. */
  private static Optional<String> device(MatchResult found) {
    if (found.group("letter") != null) {
      return Optional.of("/dev/sd" + found.group("disk") + found.group("part"));
    }
    char disk = (char) ('a' + Integer.parseInt(found.group("nvme")));
    String piece = found.group("piece");
    return Optional.of("/dev/sd" + disk + (piece == null ? "" : piece));
  }

  /** A boot loader's settings, with the root by UUID in the place of one by the name of a disk. */
  static Edited root(Settings kind, String settings, String uuid) {
    int[] times = {0};
    String text =
        lines(
            kind,
            settings,
            line ->
                ROOT.matcher(line)
                    .replaceAll(
                        _ -> {
                          times[0]++;
                          return "root=UUID=" + uuid;
                        }));
    return new Edited(text, times[0], List.of());
  }

  /** A boot loader's settings, where each kernel writes to the serial console too. */
  static Edited console(Settings kind, String settings) {
    int[] times = {0};
    String text =
        lines(
            kind,
            settings,
            line -> {
              if (line.contains("console=ttyS")) {
                return line;
              }
              times[0]++;
              String words = " console=tty0 console=ttyS0,115200";
              Matcher quoted =
                  Pattern.compile("^(GRUB_CMDLINE_LINUX=.*)([\"'])\\s*$").matcher(line);
              return quoted.matches()
                  ? quoted.group(1) + words + quoted.group(2)
                  : line.stripTrailing() + words;
            });
    return new Edited(text, times[0], List.of());
  }

  /** Those lines changed that say how a kernel is started; the ends of lines stay. */
  private static String lines(Settings kind, String settings, Function<String, String> change) {
    StringBuilder all = new StringBuilder(settings.length() + 64);
    for (int at = 0; at < settings.length(); ) {
      int end = settings.indexOf('\n', at);
      int stop = end < 0 ? settings.length() : end;
      String line = settings.substring(at, stop);
      all.append(kind.kernel.matcher(line).matches() ? change.apply(line) : line);
      all.append(settings, stop, end < 0 ? stop : stop + 1);
      at = end < 0 ? stop : stop + 1;
    }
    return all.toString();
  }

  /**
   * A file for {@code /etc/cloud/cloud.cfg.d}.
   *
   * @param sources as in the vocabulary of concerns
   */
  static String datasources(List<String> sources) {
    Map<String, String> names =
        Map.of(
            "openstack", "OpenStack",
            "configdrive", "ConfigDrive",
            "nocloud", "NoCloud",
            "ec2", "Ec2",
            "azure", "Azure",
            "gce", "GCE",
            "vmware", "VMware",
            "oracle", "Oracle");
    return sources.stream()
        .map(names::get)
        .filter(name -> name != null)
        .collect(Collectors.joining(", ", "datasource_list: [ ", ", None ]\n"))
        .replace("[ , None", "[ None");
  }

  /** The names of cards in a guest's settings, each once: those that follow from a card's place. */
  static SequencedSet<String> cards(String settings) {
    SequencedSet<String> names = new LinkedHashSet<>();
    settings
        .lines()
        .filter(line -> !line.strip().startsWith("#"))
        .forEach(line -> CARD.matcher(line).results().map(MatchResult::group).forEach(names::add));
    return names;
  }

  /**
   * Rules for udev(7), by which cards have these names. Only where it is clear which card had which
   * name: there are as many of both, and the names are of one kind, whose numbers grow with the
   * place at which a hypervisor plugs the cards in one after the other.
   *
   * @param addresses the cards' MAC addresses, in their order
   * @return without a text, and all names left, where it is not
   */
  static Edited names(Collection<String> names, List<String> addresses) {
    List<String> inOrder = names.stream().sorted(Edits::byPlace).toList();
    long kinds = names.stream().map(name -> name.replaceAll("\\d+", "0")).distinct().count();
    boolean ofTheKernel = names.stream().anyMatch(name -> name.startsWith("eth"));
    if (names.isEmpty() || names.size() != addresses.size() || kinds != 1 || ofTheKernel) {
      return new Edited("", 0, inOrder);
    }
    StringBuilder rules = new StringBuilder("# The names that the cards had before the move.\n");
    for (int i = 0; i < inOrder.size(); i++) {
      // What has a driver is no bridge and no VLAN, which have a card's address too.
      rules.append(
          "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{type}==\"1\", ATTR{address}==\"%s\", NAME=\"%s\"\n"
              .formatted(addresses.get(i), inOrder.get(i)));
    }
    return new Edited(rules.toString(), inOrder.size(), List.of());
  }

  private static int byPlace(String one, String other) {
    return Arrays.compare(numbers(one), numbers(other));
  }

  private static int[] numbers(String name) {
    return Pattern.compile("\\d+")
        .matcher(name)
        .results()
        .mapToInt(number -> Integer.parseInt(number.group()))
        .toArray();
  }
}
