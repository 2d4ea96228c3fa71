package crossdock.conversion;

import crossdock.contracts.Adaptation;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Countersignature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a Linux guest is adapted: by changing its files, none of which is run. What cannot be done as
 * planned ends it.
 */
final class Fixes {
  // As libguestfs names what can be mounted; a subvolume of btrfs has more words.
  private static final Pattern MOUNT = Pattern.compile("(/\\S*): ((?:btrfsvol:)?/dev/\\S+)");
  private static final Pattern UUID = Pattern.compile("[0-9A-Fa-f-]{4,36}");
  private static final Pattern INITRD =
      Pattern.compile("/boot/(?:initrd\\.img-|initramfs-|initrd-)(?<version>.+?)(?:\\.img)?");
  private static final List<String> LOADERS =
      List.of(
          "/boot/grub/grub.cfg",
          "/boot/grub2/grub.cfg",
          "/boot/efi/EFI/*/grub.cfg",
          "/boot/loader/entries/*.conf",
          "/etc/kernel/cmdline",
          "/etc/default/grub");
  // The last one counts, and 99 is where others are already.
  private static final String DATASOURCES = "/etc/cloud/cloud.cfg.d/zzz-crossdock.cfg";
  private static final String FIXED = "/etc/cloud/ds-identify.cfg";
  private static final String RULES = "/etc/udev/rules.d/70-crossdock-names.rules";
  private static final List<String> NETWORKS =
      List.of(
          "/etc/network/interfaces",
          "/etc/network/interfaces.d/*",
          "/etc/netplan/*.yaml",
          "/etc/systemd/network/*",
          "/etc/sysconfig/network-scripts/ifcfg-*",
          "/etc/sysconfig/network/ifcfg-*",
          "/etc/NetworkManager/system-connections/*");
  private static final long MOST_ADDED = 16 << 20;
  private static final int MOST_KERNELS = 8;

  /** By which modules a kernel finds disks on a bus. */
  private static final Map<String, List<String>> DRIVERS =
      Map.of(
          "virtio", List.of("virtio_pci", "virtio_blk"),
          "scsi", List.of("virtio_pci", "virtio_scsi", "sd_mod"),
          "sata", List.of("ahci", "sd_mod"),
          "ide", List.of("ata_piix", "sd_mod"),
          "nvme", List.of("nvme"),
          "lsi", List.of("mptspi", "sd_mod"),
          "pvscsi", List.of("vmw_pvscsi", "sd_mod"),
          "xen", List.of("xen_blkfront"),
          "hyperv", List.of("hv_storvsc", "sd_mod"));

  /** What the programs that load modules look things up in. */
  private static final List<String> INDEXES =
      List.of(
          "modules.dep",
          "modules.dep.bin",
          "modules.alias",
          "modules.alias.bin",
          "modules.symbols",
          "modules.symbols.bin",
          "modules.softdep",
          "modules.builtin",
          "modules.builtin.bin",
          "modules.builtin.alias.bin",
          "modules.builtin.modinfo");

  private final Guestfish guest;
  private final String tool;
  private final String root;

  private Fixes(Guestfish guest, String tool, String root) {
    this.guest = guest;
    this.tool = tool;
    this.root = root;
  }

  /**
   * Makes them.
   *
   * @param guest nothing has been asked of it
   * @return how, one for each
   * @throws Unfit if one of them cannot be made
   * @throws IOException if something else goes wrong
   */
  static List<Check> make(Guestfish guest, List<Adaptation> wanted)
      throws IOException, InterruptedException {
    guest.run("run");
    List<String> roots = guest.ask("inspect-os").lines().toList();
    if (roots.size() != 1 || !guest.ask("inspect-get-type", roots.getFirst()).equals("linux")) {
      throw new Unfit("there is not one Linux on its disks, but " + roots);
    }
    String root = roots.getFirst();
    mount(guest, root);
    Map<String, String> version = new HashMap<>();
    for (String line : guest.ask("version").lines().toList()) {
      version.put(line.replaceFirst(":.*", ""), line.replaceFirst("[^:]*:", "").strip());
    }
    String tool =
        "libguestfs %s.%s.%s"
            .formatted(version.get("major"), version.get("minor"), version.get("release"));
    Fixes fixes = new Fixes(guest, tool, root);
    List<Check> checks = new ArrayList<>();
    for (Adaptation one : wanted) {
      checks.add(
          switch (one.kind()) {
            case DRIVERS -> fixes.drivers(one);
            case FSTAB -> fixes.fstab(one);
            case ROOT -> fixes.root(one);
            case CLOUD_INIT -> fixes.cloudInit(one);
            case CONSOLE -> fixes.console(one);
            case CARDS -> fixes.cards(one);
          });
    }
    return checks;
  }

  /** Nothing else is mounted to be written: a mount alone changes a file system. */
  private static void mount(Guestfish guest, String root) throws IOException, InterruptedException {
    SortedMap<String, String> mounts = new TreeMap<>();
    Matcher all = MOUNT.matcher(guest.ask("inspect-get-mountpoints", root));
    while (all.find()) {
      mounts.put(all.group(1), all.group(2));
    }
    if (!root.equals(mounts.get("/"))) {
      throw new Unfit("nobody knows what its root is");
    }
    for (Map.Entry<String, String> mount : mounts.entrySet()) {
      switch (mount.getKey()) {
        case "/", "/boot", "/boot/efi" ->
            guest.run("mount-options", "noatime", mount.getValue(), mount.getKey());
        case "/usr", "/etc" -> guest.run("mount-ro", mount.getValue(), mount.getKey());
        default -> {}
      }
    }
  }

  private Check check(Adaptation of, Outcome outcome, String what) {
    return new Check(
        Countersignature.ADAPTED + of.kind().wire(),
        1,
        outcome,
        Examination.shortened("by %s, for %s: %s".formatted(tool, of.concern(), what)));
  }

  private Optional<String> uuid(String device) {
    try {
      return Optional.of(guest.tried("vfs-uuid", device)).filter(UUID.asMatchPredicate());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  private Check fstab(Adaptation of) throws IOException, InterruptedException {
    Edits.Edited edited;
    try {
      edited = Edits.fstab(guest.text("/etc/fstab"), this::uuid, uuid(root).orElse(""));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    if (edited.times() == 0) {
      throw new Unfit(
          "it is not clear which file systems /etc/fstab names: "
              + String.join(", ", edited.left()));
    }
    guest.write("/etc/fstab", edited.text());
    String what = edited.times() + " file systems by UUID in /etc/fstab";
    return edited.left().isEmpty()
        ? check(of, Outcome.PASSED, what)
        : check(of, Outcome.WARNED, what + ", but not " + String.join(", ", edited.left()));
  }

  private Check root(Adaptation of) throws IOException, InterruptedException {
    String uuid = uuid(root).orElseThrow(() -> new Unfit("its root has no UUID: " + root));
    return settings(of, "the root by UUID in ", (kind, text) -> Edits.root(kind, text, uuid));
  }

  private Check console(Adaptation of) throws IOException, InterruptedException {
    return settings(of, "console=ttyS0 in ", Edits::console);
  }

  private Check settings(
      Adaptation of, String what, BiFunction<Edits.Settings, String, Edits.Edited> edit)
      throws IOException, InterruptedException {
    List<String> changed = new ArrayList<>();
    for (String pattern : LOADERS) {
      for (String file : guest.glob(pattern)) {
        if (guest.isFile(file)) {
          Edits.Edited edited = edit.apply(Edits.Settings.of(file), guest.text(file));
          if (edited.times() > 0) {
            guest.write(file, edited.text());
            changed.add(file);
          }
        }
      }
    }
    if (changed.stream().allMatch("/etc/default/grub"::equals)) {
      throw new Unfit("no settings of its boot loader were found");
    }
    return check(of, Outcome.PASSED, what + String.join(", ", changed));
  }

  private Check cloudInit(Adaptation of) throws IOException, InterruptedException {
    String text = Edits.datasources(of.to());
    guest.run("mkdir-p", "/etc/cloud/cloud.cfg.d");
    guest.write(DATASOURCES, text);
    if (guest.isFile("/etc/cloud/cloud.cfg")) {
      guest.run("copy-attributes", "/etc/cloud/cloud.cfg", DATASOURCES, "all:true");
    }
    return guest.isFile(FIXED)
        ? check(of, Outcome.WARNED, DATASOURCES + ": " + text.strip() + ", but there is " + FIXED)
        : check(of, Outcome.PASSED, DATASOURCES + ": " + text.strip());
  }

  private Check cards(Adaptation of) throws IOException, InterruptedException {
    SequencedSet<String> names = new LinkedHashSet<>();
    for (String pattern : NETWORKS) {
      for (String file : guest.glob(pattern)) {
        if (guest.isFile(file)) {
          // Some say it only by what they are called.
          names.addAll(Edits.cards(file.replaceFirst(".*/(ifcfg-)?", "")));
          names.addAll(Edits.cards(guest.text(file)));
        }
      }
    }
    Edits.Edited rules = Edits.names(names, of.to());
    if (rules.times() == 0) {
      return check(
          of,
          Outcome.WARNED,
          "nothing, for it is not clear which of %d cards had which of the names %s"
              .formatted(of.to().size(), String.join(", ", rules.left())));
    }
    guest.run("mkdir-p", "/etc/udev/rules.d");
    guest.write(RULES, rules.text());
    guest.run("copy-attributes", "/etc/udev/rules.d", RULES, "xattributes:true");
    return check(of, Outcome.PASSED, RULES + ": " + String.join(", ", names));
  }

  private Check drivers(Adaptation of) throws IOException, InterruptedException {
    List<String> wanted =
        of.to().stream()
            .map(bus -> DRIVERS.getOrDefault(bus, List.of()))
            .flatMap(List::stream)
            .distinct()
            .toList();
    TreeSet<String> added = new TreeSet<>();
    List<String> changed = new ArrayList<>();
    for (String file : guest.glob("/boot/init*")) {
      Matcher initrd = INITRD.matcher(file);
      if (!initrd.matches()) {
        continue;
      }
      String modules = "/lib/modules/" + initrd.group("version");
      if (!guest.isFile(file) || !guest.isFile(modules + "/modules.dep")) {
        continue;
      }
      if (changed.size() == MOST_KERNELS) {
        throw new Unfit("it has more than " + MOST_KERNELS + " kernels");
      }
      add(of, file, modules, wanted, added);
      changed.add(file);
    }
    if (changed.isEmpty()) {
      throw new Unfit("no initial RAM disk of a kernel was found");
    }
    return check(
        of, Outcome.PASSED, String.join(", ", added) + " in " + String.join(", ", changed));
  }

  /** Behind what is in it; the kernel unpacks that after the rest. */
  private void add(
      Adaptation of, String initrd, String modules, List<String> wanted, Set<String> added)
      throws IOException, InterruptedException {
    SequencedSet<String> files = Initrd.files(guest.text(modules + "/modules.dep"), wanted);
    List<String> here = new ArrayList<>(files.stream().map(Initrd::module).toList());
    if (guest.isFile(modules + "/modules.builtin")) {
      guest.text(modules + "/modules.builtin").lines().map(Initrd::module).forEach(here::add);
    }
    boolean any =
        of.to().stream()
            .filter(DRIVERS::containsKey)
            .anyMatch(bus -> here.containsAll(DRIVERS.getOrDefault(bus, List.of())));
    if (!any) {
      throw new Unfit("%s has no drivers of %s".formatted(modules, String.join(", ", of.to())));
    }
    long size = guest.size(initrd);
    boolean goesOn =
        Initrd.goesOn(
            (from, count) ->
                from >= size
                    ? new byte[0]
                    : guest.part(initrd, from, (int) Math.min(count, size - from)));
    if (!goesOn) {
      throw new Unfit("nothing can be put behind " + initrd + ", as it is compressed");
    }
    TreeMap<String, Initrd.File> contents = new TreeMap<>();
    long bytes = 0;
    List<String> all = new ArrayList<>(files);
    for (String index : INDEXES) {
      if (guest.isFile(modules + "/" + index)) {
        all.add(index);
      }
    }
    for (String file : all) {
      String path = modules + "/" + file;
      bytes += guest.size(path);
      contents.put(path.substring(1), () -> guest.read(path));
    }
    if (bytes > MOST_ADDED) {
      throw new Unfit("its drivers and their indexes are %d bytes".formatted(bytes));
    }
    guest.append(
        initrd,
        out -> {
          out.write(new byte[(int) (-size & 3)]);
          Initrd.cpio(out, modules.substring(1), contents);
        });
    files.stream().map(Initrd::module).forEach(added::add);
  }
}
