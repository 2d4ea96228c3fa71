package crossdock.conversion;

import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.chassis.Held;
import crossdock.disk.DiskSource;
import crossdock.disk.NbdServer;
import crossdock.disk.Overlay;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CodingErrorAction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * libguestfs (guestfish(1)): reads the file systems of a machine in a virtual machine of its own,
 * so that whatever is wrong with them harms that one only. Disks are given to it by their
 * guest-visible bytes, so that no other program parses their formats: read-only, or as overlays
 * that it may write. Nothing of the guest is run. Thread-safe.
 *
 * @param program guestfish
 * @param settings for {@code LIBGUESTFS_BACKEND_SETTINGS}, such as {@code force_tcg}; may be empty
 * @param cache where it keeps the system of its virtual machine, some hundred MB
 * @param patience how long all of it may take; it ends then, even if nobody is there any more
 */
record Guestfs(Path program, String settings, Path cache, Duration patience) {
  private static final int LONGEST = 4 << 20;
  private static final int MOST = 256 << 10; // of one file, and of one answer
  private static final long MOST_INITRD = 128 << 20;
  private static final int LINE = 512;
  private static final int TIMED_OUT = 124; // of timeout(1)
  private static final int KILLED = 137;

  /** Initial RAM disks of distributions; not those that rescue, which have everything. */
  private static final SortedMap<String, String> INITRDS =
      new TreeMap<>(
          Map.of(
              "initrd1", "/boot/initrd.img-[1-9]*",
              "initrd2", "/boot/initramfs-[1-9]*",
              "initrd3", "/boot/initrd-[1-9]*"));

  /** What is asked, by the name that the answer has. A line that fails answers nothing. */
  private static final Map<String, List<String>> QUESTIONS = questions();

  private static Map<String, List<String>> questions() {
    Map<String, List<String>> all = new LinkedHashMap<>();
    all.put("filesystems", List.of("list-filesystems"));
    all.put("system", List.of("cat /etc/os-release"));
    all.put("windows", List.of("glob-expand /Windows/System32/ntoskrnl.exe"));
    all.put("fstab", List.of("cat /etc/fstab"));
    all.put("crypttab", List.of("cat /etc/crypttab"));
    all.put(
        "boot",
        List.of(
            "grep linux /boot/grub/grub.cfg",
            "grep linux /boot/grub2/grub.cfg",
            "glob cat /boot/loader/entries/*.conf",
            "cat /etc/kernel/cmdline"));
    all.put("cloud-init", List.of("glob-expand /etc/cloud/cloud.cfg"));
    all.put(
        "datasource",
        List.of(
            "cat /var/lib/cloud/instance/datasource",
            "grep datasource_list /etc/cloud/cloud.cfg",
            "glob grep datasource_list /etc/cloud/cloud.cfg.d/*.cfg"));
    all.put(
        "network",
        List.of(
            "cat /etc/network/interfaces",
            "glob cat /etc/network/interfaces.d/*",
            "glob cat /etc/netplan/*.yaml",
            "glob cat /etc/systemd/network/*",
            "glob cat /etc/sysconfig/network-scripts/ifcfg-*",
            "glob cat /etc/sysconfig/network/ifcfg-*",
            "glob cat /etc/NetworkManager/system-connections/*",
            "glob cat /etc/udev/rules.d/70-persistent-net.rules"));
    all.put("builtin", List.of("glob cat /lib/modules/*/modules.builtin"));
    all.put(
        "net",
        List.of(
            "glob-expand /lib/modules/*/kernel/drivers/net/virtio_net.ko*",
            "glob-expand /lib/modules/*/kernel/drivers/net/vmxnet3/vmxnet3.ko*",
            "glob-expand /lib/modules/*/kernel/drivers/net/ethernet/intel/e1000/e1000.ko*"));
    all.put(
        "agents",
        List.of(
            "glob-expand /usr/sbin/qemu-ga",
            "glob-expand /usr/bin/qemu-ga",
            "glob-expand /usr/bin/vmtoolsd",
            "glob-expand /usr/sbin/waagent",
            "glob-expand /usr/bin/amazon-ssm-agent",
            "glob-expand /snap/bin/amazon-ssm-agent",
            "glob-expand /usr/bin/google_guest_agent"));
    all.put(
        "clock",
        List.of(
            "cat /etc/chrony.conf",
            "cat /etc/chrony/chrony.conf",
            "cat /etc/ntp.conf",
            "cat /etc/systemd/timesyncd.conf"));
    all.put(
        "seeds",
        List.of("glob-expand /var/lib/cloud/seed/*/*", "glob-expand /var/lib/cloud/instances/*"));
    all.put(
        "keys",
        List.of(
            "glob-expand /root/.ssh/authorized_keys", "glob-expand /home/*/.ssh/authorized_keys"));
    all.put(
        "licences",
        List.of(
            "glob-expand /etc/pki/rhui",
            "glob-expand /etc/yum.repos.d/*rhui*.repo",
            "glob-expand /etc/regionserverclnt.cfg",
            "glob-expand /var/lib/ubuntu-advantage/private/machine-token.json"));
    return all;
  }

  /** The same, with another patience. */
  Guestfs within(Duration time) {
    return new Guestfs(program, settings, cache, time);
  }

  /**
   * What it answers.
   *
   * @param disks of one machine, in boot order; read by several threads
   * @param work an empty directory with a short path
   * @return with a reason in {@link Answers#lacking} if it finds no system that it knows
   * @throws IOException if it cannot be started, or has not answered in time
   */
  Answers ask(List<DiskSource> disks, Path work, Held held)
      throws IOException, InterruptedException {
    List<Closeable> served = new ArrayList<>();
    try {
      List<String> command = command(disks, work, served, List.of("--ro", "-i"));
      String mark = mark();
      command.add("-f");
      command.add(Files.writeString(work.resolve("questions"), script(mark)).toString());
      Answers answers = answers(run(command, work, held), mark);
      return answers.lacking().isPresent() ? answers : answers.and("initrd", modules(work, held));
    } finally {
      for (Closeable one : served) {
        one.close();
      }
    }
  }

  /** Of the first of its kernels: of one is enough, as they are made alike. */
  private static String modules(Path work, Held held) throws IOException {
    for (String file : INITRDS.keySet()) {
      Path initrd = work.resolve(file);
      if (Files.exists(initrd) && Files.size(initrd) > 0) {
        try (InputStream in = Files.newInputStream(initrd)) {
          return String.join("\n", InitrdModules.in(in, held));
        }
      }
    }
    return "";
  }

  /**
   * Lets somebody read and write the files of a guest.
   *
   * @param disks of one machine, in boot order
   * @param work an empty directory with a short path
   * @param use whatever it throws, the disks may have been written to
   * @throws IOException if it cannot be started, or has not done it in time
   */
  void edit(List<Overlay> disks, Path work, Held held, Edit use)
      throws IOException, InterruptedException {
    List<Closeable> served = new ArrayList<>();
    try {
      Process process =
          environment(command(disks, work, served, List.of("--rw")), work)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (Guestfish guest = new Guestfish(process, work, mark(), held)) {
        use.of(guest);
        guest.end();
      }
    } finally {
      for (Closeable one : served) {
        one.close();
      }
    }
  }

  /** What is done to a guest. */
  @FunctionalInterface
  interface Edit {
    void of(Guestfish guest) throws IOException, InterruptedException;
  }

  private List<String> command(
      List<? extends DiskSource> disks, Path work, List<Closeable> served, List<String> options)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "timeout",
                "--kill-after=5",
                Long.toString(patience.toSeconds()),
                program.toString()));
    command.addAll(options);
    command.add("--format=raw");
    for (int i = 0; i < disks.size(); i++) {
      Path socket = work.resolve("d" + i);
      served.add(new NbdServer(socket, disks.get(i)));
      command.add("-a");
      command.add("nbd://?socket=" + socket);
    }
    return command;
  }

  private static String mark() {
    byte[] own = new byte[16];
    ThreadLocalRandom.current().nextBytes(own);
    return "@" + HexFormat.of().formatHex(own) + " ";
  }

  /**
   * What a guest says, so that nothing that reads it takes long: no empty lines, none of more than
   * 512 characters, printable ones, 256 KiB in all.
   *
   * @param of by question
   * @param lacking why there are none, if so
   */
  record Answers(Map<String, String> of, Optional<String> lacking) {
    Answers {
      Map<String, String> tame = new LinkedHashMap<>();
      of.forEach((question, said) -> tame.put(question, tame(said)));
      of = Collections.unmodifiableMap(tame);
    }

    private static String tame(String said) {
      return said.substring(0, Math.min(said.length(), MOST))
          .lines()
          .filter(line -> !line.isBlank())
          .map(line -> line.substring(0, Math.min(line.length(), LINE)))
          .map(line -> line.replaceAll("[^ -~\\t]", "?"))
          .collect(Collectors.joining("\n"));
    }

    Answers and(String question, String answer) {
      Map<String, String> all = new LinkedHashMap<>(of);
      all.put(question, answer);
      return new Answers(all, lacking);
    }

    String get(String question) {
      return of.getOrDefault(question, "");
    }
  }

  /** What the guest's files say cannot look like the mark. */
  private static String script(String mark) {
    StringBuilder script = new StringBuilder();
    QUESTIONS.forEach(
        (name, lines) -> {
          script.append("echo \"\"\necho \"").append(mark).append(name).append("\"\n");
          lines.forEach(line -> script.append('-').append(bounded(line)).append('\n'));
        });
    INITRDS.forEach(
        (file, pattern) ->
            // All of it is read, as whoever gives it does not stop; no more is kept than anybody
            // has.
            script.append(
                "-glob download %s - | { head -c %d > %s; cat > /dev/null; }\n"
                    .formatted(pattern, MOST_INITRD, file)));
    return script.append("echo \"\"\necho \"").append(mark).append("end\"\n").toString();
  }

  /** To cat is to download all of a file, however long a guest has made it. */
  private static String bounded(String line) {
    return line.startsWith("cat ") || line.startsWith("glob cat ")
        ? line.replaceFirst("cat ", "pread ") + " " + MOST + " 0"
        : line;
  }

  private static Answers answers(String said, String mark) {
    Map<String, String> all = new LinkedHashMap<>();
    for (String part : said.split(Pattern.quote(mark), -1)) {
      int line = part.indexOf('\n');
      if (line > 0) {
        all.put(part.substring(0, line).strip(), part.substring(line + 1).strip());
      }
    }
    return all.containsKey("end")
        ? new Answers(all, Optional.empty())
        : new Answers(Map.of(), Optional.of("no system that libguestfs knows"));
  }

  private String run(List<String> command, Path work, Held held)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        environment(command, work)
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    Process process = builder.start();
    try {
      CompletableFuture<byte[]> output =
          CompletableFuture.supplyAsync(() -> read(process.getInputStream()));
      while (!process.waitFor(1, TimeUnit.SECONDS)) {
        held.check();
      }
      if (process.exitValue() == TIMED_OUT || process.exitValue() == KILLED) {
        throw new IOException("libguestfs has not answered within " + patience);
      }
      return UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE)
          .decode(ByteBuffer.wrap(output.get()))
          .toString();
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } finally {
      // Its virtual machine is a child of it.
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  private ProcessBuilder environment(List<String> command, Path work) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(work.toFile());
    Map<String, String> environment = builder.environment();
    String path = environment.getOrDefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    environment.clear();
    environment.put("PATH", path);
    environment.put("LC_ALL", "C");
    environment.put("HOME", work.toString());
    environment.put("TMPDIR", work.toString());
    environment.put("LIBGUESTFS_CACHEDIR", Files.createDirectories(cache).toString());
    environment.put("LIBGUESTFS_BACKEND", "direct");
    environment.put("LIBGUESTFS_BACKEND_SETTINGS", settings);
    return builder;
  }

  /** What is more than there is room for is let go. */
  private static byte[] read(InputStream from) {
    ByteArrayOutputStream kept = new ByteArrayOutputStream();
    byte[] piece = new byte[64 << 10];
    try (from) {
      for (int count = from.read(piece); count >= 0; count = from.read(piece)) {
        kept.write(piece, 0, Math.min(count, LONGEST - kept.size()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return kept.toByteArray();
  }
}
