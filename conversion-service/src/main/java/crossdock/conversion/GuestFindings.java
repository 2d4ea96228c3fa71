package crossdock.conversion;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a guest's own files say of it.
 *
 * @param traits by the vocabulary of the catalog's concerns, {@code guest.*}; what the files do not
 *     say is absent
 * @param system what it is, in words
 * @param asked whether what comes now was looked for: only in a system with {@code os-release}
 * @param leftovers of the cloud that it comes from: data of its first start, agents, keys
 * @param licences that are its provider's, not its own
 */
record GuestFindings(
    SortedMap<String, String> traits,
    String system,
    boolean asked,
    List<String> leftovers,
    List<String> licences) {
  private static final int LONGEST = 128;

  /** By which a guest can start, as their modules are called. */
  private static final List<String> DRIVERS =
      List.of(
          "virtio_blk",
          "virtio_scsi",
          "virtio_net",
          "virtio_pci",
          "ahci",
          "ata_piix",
          "nvme",
          "mptspi",
          "vmw_pvscsi",
          "vmxnet3",
          "e1000",
          "xen_blkfront",
          "hv_storvsc");

  private static final Map<String, String> AGENTS = agents();
  private static final Pattern ROOT = Pattern.compile("\\broot=(\\S+)");
  private static final Pattern ASSIGNED =
      Pattern.compile("(?m)^([A-Z_]+)=[\"']?([^\"'\\n]*)[\"']?\\s*$");
  private static final Pattern SOURCE = Pattern.compile("(?m)^DataSource([A-Za-z0-9]+)");
  private static final Pattern SOURCES = Pattern.compile("datasource_list:\\s*\\[\\s*([^\\]]*)\\]");
  private static final Pattern MAC = Pattern.compile("(?i)([0-9a-f]{2}:){5}[0-9a-f]{2}");
  private static final Pattern STATIC =
      Pattern.compile(
          "(?im)^\\s*(-?\\s*address(es)?\\s*[:=\\s]|IPADDR\\d*=|iface\\s+\\S+\\s+inet6?\\s+static"
              + "|address1=)");
  private static final Pattern PROVIDERS_CLOCK =
      Pattern.compile("(?m)^[^#\\n]*(169\\.254\\.\\d+\\.\\d+|metadata\\.google\\.internal|PHC0)");
  private static final Pattern CLOCK = Pattern.compile("(?m)^\\s*(server|pool|NTP=)");

  private static Map<String, String> agents() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("qemu-ga", "qemu-ga");
    all.put("vmtoolsd", "open-vm-tools");
    all.put("waagent", "waagent");
    all.put("amazon-ssm-agent", "amazon-ssm-agent");
    all.put("google_guest_agent", "google-guest-agent");
    return all;
  }

  /** Nobody's: libguestfs knows no system there. */
  static Optional<GuestFindings> of(Guestfs.Answers answers) {
    if (answers.lacking().isPresent()) {
      return Optional.empty();
    }
    SortedMap<String, String> traits = new TreeMap<>();
    Map<String, String> system = assigned(answers.get("system"));
    boolean windows = !answers.get("windows").isEmpty();
    // Which Windows it is would be in its registry.
    put(traits, "guest.os.name", system.getOrDefault("ID", "").toLowerCase(Locale.ROOT));
    put(traits, "guest.os.version", system.getOrDefault("VERSION_ID", ""));
    put(traits, "guest.volumes", String.join(",", volumes(answers.get("filesystems"))));
    List<String> agents =
        AGENTS.entrySet().stream()
            .filter(agent -> answers.get("agents").contains("/" + agent.getKey()))
            .map(Map.Entry::getValue)
            .toList();
    put(traits, "guest.agents", String.join(",", agents));
    if (!system.isEmpty()) {
      linux(answers, traits);
    }
    List<String> leftovers = new ArrayList<>();
    agents.forEach(agent -> leftovers.add("agent " + agent));
    answers.get("seeds").lines().limit(4).forEach(seed -> leftovers.add("cloud-init's " + seed));
    answers.get("keys").lines().limit(4).forEach(keys -> leftovers.add("keys in " + keys));
    return Optional.of(
        new GuestFindings(
            traits,
            windows ? "Windows" : system.getOrDefault("PRETTY_NAME", "a system without a name"),
            !system.isEmpty(),
            leftovers,
            answers.get("licences").lines().limit(4).toList()));
  }

  private static void linux(Guestfs.Answers answers, SortedMap<String, String> traits) {
    put(traits, "guest.fstab-by", worst(fstab(answers.get("fstab"))));
    put(
        traits,
        "guest.root-by",
        ROOT.matcher(answers.get("boot"))
            .results()
            .map(found -> by(found.group(1)))
            .findFirst()
            .orElse(""));
    if (!answers.get("boot").isEmpty()) {
      traits.put("guest.console", answers.get("boot").contains("console=ttyS") ? "serial" : "none");
    }
    put(traits, "guest.cloud-init", datasource(answers));
    String network = answers.get("network");
    if (!network.isEmpty()) {
      boolean fixed = STATIC.matcher(network).find();
      traits.put("guest.addresses", fixed ? "static" : "dhcp");
      traits.put(
          "guest.network-by",
          MAC.matcher(network).find() ? "mac" : fixed ? "name" : named(network));
    }
    put(traits, "guest.drivers", String.join(",", drivers(answers)));
    String clock = answers.get("clock");
    if (PROVIDERS_CLOCK.matcher(clock).find()) {
      traits.put("guest.time-from", "provider");
    } else if (CLOCK.matcher(clock).find()) {
      traits.put("guest.time-from", "ntp");
    }
    if (traits.getOrDefault("guest.volumes", "").contains("luks")) {
      traits.put("guest.unlock", unlock(answers.get("crypttab")));
    }
  }

  /** A setting for any card, as cloud-init and installers write it, names none. */
  private static String named(String network) {
    return network.matches("(?s).*(\\bens?\\d|\\benp\\d|\\beth\\d|\\beno\\d|DEVICE=).*")
        ? "name"
        : "dhcp";
  }

  /**
   * What its initial RAM disks and its kernels have, and the network cards' of its system, which
   * come later. Nothing where no RAM disk could be read: then nobody knows.
   */
  private static List<String> drivers(Guestfs.Answers answers) {
    String initial = answers.get("initrd");
    if (!initial.contains(".ko")) {
      return List.of();
    }
    String all = initial + "\n" + answers.get("builtin") + "\n" + answers.get("net");
    return DRIVERS.stream().filter(driver -> has(all, driver)).toList();
  }

  private static boolean has(String list, String module) {
    String file = "/" + module.replace('_', '-') + ".ko";
    return list.contains("/" + module + ".ko") || list.contains(file);
  }

  private static String unlock(String crypttab) {
    for (String line : crypttab.lines().map(String::strip).toList()) {
      String[] words = line.split("\\s+", -1);
      if (!line.startsWith("#") && words.length > 2) {
        String options = words.length > 3 ? words[3] : "";
        return options.contains("tpm2-device")
            ? "tpm"
            : words[2].equals("none") || words[2].equals("-") ? "passphrase" : "keyfile";
      }
    }
    return "passphrase";
  }

  private static Map<String, String> assigned(String file) {
    Map<String, String> all = new LinkedHashMap<>();
    for (MatchResult found : ASSIGNED.matcher(file).results().toList()) {
      all.put(found.group(1), found.group(2));
    }
    return all;
  }

  /** What its file systems lie in; lines such as {@code /dev/vg/root: ext4}. */
  private static Collection<String> volumes(String filesystems) {
    TreeSet<String> all = new TreeSet<>();
    for (String line : filesystems.lines().toList()) {
      String device = line.replaceFirst(":.*", "").strip();
      String kind = line.replaceFirst(".*:", "").strip();
      switch (kind) {
        case "crypto_LUKS" -> all.add("luks");
        case "BitLocker" -> all.add("bitlocker");
        case "zfs_member" -> all.add("zfs");
        case "swap", "unknown" -> {}
        default -> {
          if (device.startsWith("/dev/md")) {
            all.add("md");
          } else if (device.matches("/dev/[sv]d[a-z]+\\d*")) {
            all.add("plain");
          } else if (device.startsWith("/dev/")) {
            all.add("lvm");
          }
        }
      }
    }
    return all;
  }

  private static List<String> fstab(String fstab) {
    return fstab
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty() && !line.startsWith("#"))
        .map(line -> line.split("\\s+", 2)[0])
        .filter(what -> what.contains("=") || what.startsWith("/dev/"))
        .map(GuestFindings::by)
        .toList();
  }

  private static String by(String what) {
    String plain = what.replace("\"", "");
    if (plain.startsWith("UUID=")
        || plain.startsWith("PARTUUID=")
        || plain.startsWith("/dev/disk/by-uuid/")
        || plain.startsWith("/dev/disk/by-partuuid/")) {
      return "uuid";
    }
    if (plain.startsWith("LABEL=")
        || plain.startsWith("PARTLABEL=")
        || plain.startsWith("/dev/disk/by-label/")) {
      return "label";
    }
    if (plain.startsWith("/dev/disk/")) {
      return "path";
    }
    return plain.matches("/dev/([shv]d[a-z]+|xvd[a-z]+|nvme\\d+n\\d+)p?\\d*") ? "device" : "lvm";
  }

  private static String worst(List<String> all) {
    return List.of("device", "path", "lvm", "label", "uuid").stream()
        .filter(all::contains)
        .findFirst()
        .orElse("");
  }

  /** By what it was started last, or what it is fixed to. */
  private static String datasource(Guestfs.Answers answers) {
    if (answers.get("cloud-init").isEmpty()) {
      return "none";
    }
    Matcher last = SOURCE.matcher(answers.get("datasource"));
    if (last.find()) {
      return last.group(1).toLowerCase(Locale.ROOT);
    }
    Matcher fixed = SOURCES.matcher(answers.get("datasource"));
    String only = "";
    while (fixed.find()) {
      List<String> sources =
          Pattern.compile("[,\\s\"']+")
              .splitAsStream(fixed.group(1))
              .filter(source -> !source.isEmpty() && !source.equals("None"))
              .toList();
      only = sources.size() == 1 ? sources.getFirst().toLowerCase(Locale.ROOT) : "";
    }
    return only;
  }

  /** What a guest says may be anything. */
  private static void put(SortedMap<String, String> traits, String name, String value) {
    String plain = value.replaceAll("[^ -~]", "?");
    if (!plain.isBlank()) {
      traits.put(name, plain.substring(0, Math.min(plain.length(), LONGEST)));
    }
  }

  /** As evidence. */
  List<Check> checks() {
    Check inventory =
        check("guest-inventory", List.of(), system + (traits.isEmpty() ? "" : ": " + traits));
    return asked
        ? List.of(
            inventory,
            check("leftovers", leftovers, "nothing of the cloud that it comes from"),
            check("licences", licences, "none that is bound to its provider"))
        : Stream.concat(Stream.of(inventory), unseen(system + " is not asked").stream().skip(1))
            .toList();
  }

  /** Where nobody has looked, or there was nothing to be seen. */
  static List<Check> unseen(String why) {
    return Stream.of("guest-inventory", "leftovers", "licences")
        .map(name -> new Check(name, 1, Outcome.SKIPPED, Examination.shortened(why)))
        .toList();
  }

  private static Check check(String name, List<String> found, String otherwise) {
    return new Check(
        name,
        1,
        found.isEmpty() ? Outcome.PASSED : Outcome.WARNED,
        Examination.shortened(found.isEmpty() ? otherwise : String.join(", ", found)));
  }
}
