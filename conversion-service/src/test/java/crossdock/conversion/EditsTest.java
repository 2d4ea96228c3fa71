package crossdock.conversion;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.conversion.Edits.Settings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("StringConcatToTextBlock") // tabs, spaces and carriage returns are what is tried
class EditsTest {
  private static Optional<String> uuid(String device) {
    return device.startsWith("/dev/sda")
        ? Optional.of("1234-" + device.substring(8))
        : Optional.empty();
  }

  @Test
  void fileSystemsGetTheirUuidsAndEverythingElseStaysByteForByte() {
    String fstab =
        "# /dev/sda1 was here\r\n/dev/vda1 / ext4\tdefaults 0 1\n  /dev/vda2\tnone swap sw\n"
            + "/dev/vdb1 /data xfs nofail\nUUID=x /y z\n/dev/mapper/a-b /z ext4\n/dev/sr0 /cd iso9660";
    Edits.Edited edited = Edits.fstab(fstab, EditsTest::uuid, "1234-1");
    assertThat(edited.text())
        .isEqualTo(fstab.replace("/dev/vda1 ", "UUID=1234-1 ").replace("/dev/vda2", "UUID=1234-2"));
    assertThat(edited.times()).isEqualTo(2);
    assertThat(edited.left()).containsExactly("/dev/vdb1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/dev/vda1 / ext4\n/dev/sda2 /data ext4\n", // two first disks
        "/dev/vda2 / ext4\n", // another root than the guest's
        "/dev/vda3 / ext4\n" // nobody knows its UUID
      })
  void whereItIsNotClearWhichDiskIsMeantNothingIsChanged(String fstab) {
    Edits.Edited edited = Edits.fstab(fstab, EditsTest::uuid, "1234-1");
    assertThat(edited.text()).isEqualTo(fstab);
    assertThat(edited.times()).isZero();
    assertThat(edited.left()).isNotEmpty();
  }

  @Test
  void theRootIsNamedByUuidWhereverAKernelIsStarted() {
    String grub =
        "if x; then\n\tlinux\t/vmlinuz root=/dev/sda1 ro\nfi\nset root=hd0\n# linux root=/dev/sda1\n"
            + "linux /v root=/dev/mapper/vg-root";
    Edits.Edited edited = Edits.root(Settings.GRUB, grub, "abcd");
    assertThat(edited.text()).isEqualTo(grub.replace("root=/dev/sda1 ro", "root=UUID=abcd ro"));
    assertThat(edited.times()).isEqualTo(1);
    assertThat(Edits.root(Settings.ENTRY, "linux /a\noptions root=/dev/nvme0n1p1 ro\n", "x").text())
        .isEqualTo("linux /a\noptions root=UUID=x ro\n");
    assertThat(Edits.root(Settings.LINE, "ro root=/dev/xvda1", "x").text())
        .isEqualTo("ro root=UUID=x");
    assertThat(Edits.root(Settings.DEFAULTS, "GRUB_CMDLINE_LINUX=\"root=/dev/vda2\"\n", "x").text())
        .isEqualTo("GRUB_CMDLINE_LINUX=\"root=UUID=x\"\n");
  }

  @Test
  void kernelsWriteToTheSerialConsoleToo() {
    Edits.Edited edited =
        Edits.console(
            Settings.GRUB,
            "  set root='hd0,msdos1'\n  linux /v quiet\nlinux /w console=ttyS1\nterminal x\n");
    assertThat(edited.text())
        .isEqualTo(
            "  set root='hd0,msdos1'\n  linux /v quiet console=tty0 console=ttyS0,115200\n"
                + "linux /w console=ttyS1\nterminal x\n");
    assertThat(edited.times()).isEqualTo(1);
    assertThat(Edits.console(Settings.DEFAULTS, "GRUB_CMDLINE_LINUX=\"a\"\n").text())
        .isEqualTo("GRUB_CMDLINE_LINUX=\"a console=tty0 console=ttyS0,115200\"\n");
    // What is called linux there is the path of a file.
    String entry = "title Debian\nlinux /vmlinuz-6.1\ninitrd /initrd-6.1\noptions root=UUID=a ro\n";
    assertThat(Edits.console(Settings.ENTRY, entry).text())
        .isEqualTo(entry.replace(" ro\n", " ro console=tty0 console=ttyS0,115200\n"));
  }

  @ParameterizedTest
  @CsvSource({
    "/boot/grub/grub.cfg, GRUB",
    "/boot/efi/EFI/debian/grub.cfg, GRUB",
    "/boot/loader/entries/6.1.conf, ENTRY",
    "/etc/kernel/cmdline, LINE",
    "/etc/default/grub, DEFAULTS"
  })
  void eachOfTheSettingsIsReadInItsOwnWay(String file, Settings kind) {
    assertThat(Settings.of(file)).isEqualTo(kind);
  }

  @Test
  void cloudInitIsToldWhatTheTargetHas() {
    assertThat(Edits.datasources(List.of("configdrive", "unheard-of", "openstack")))
        .isEqualTo("datasource_list: [ ConfigDrive, OpenStack, None ]\n");
    assertThat(Edits.datasources(List.of("none"))).isEqualTo("datasource_list: [ None ]\n");
  }

  @Property(tries = 500)
  void whateverAGuestSaysIsEditedToItsEndAndASecondTimeNothingIsLeft(@ForAll String text) {
    for (Settings kind : Settings.values()) {
      String once = Edits.root(kind, "linux " + text, "a").text();
      assertThat(Edits.root(kind, once, "a").times()).isZero();
      String console = Edits.console(kind, "linux " + text).text();
      assertThat(Edits.console(kind, console).text()).isEqualTo(console);
    }
    Edits.Edited fstab = Edits.fstab(text, EditsTest::uuid, "1234-1");
    assertThat(fstab.times() == 0).isEqualTo(fstab.text().equals(text));
  }

  private static Initrd.Reader of(byte[] bytes) {
    return (from, count) ->
        from >= bytes.length
            ? new byte[0]
            : Arrays.copyOfRange(bytes, (int) from, (int) Math.min(bytes.length, from + count));
  }

  private static byte[] behind(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  @ParameterizedTest
  @CsvSource({
    "1f8b08, true",
    "28b52ffd, true",
    "fd377a585a00, true",
    "425a68, true",
    "02214c18, false",
    "7f454c46, false",
    "'', true"
  })
  void nothingIsPutBehindWhatHasNoEnd(String magic, boolean goesOn) throws Exception {
    byte[] main = java.util.HexFormat.of().parseHex(magic);
    assertThat(Initrd.goesOn(of(main))).isEqualTo(goesOn);
    byte[] microcode = archive(1, 777);
    assertThat(Initrd.goesOn(of(behind(microcode, new byte[508], main)))).isEqualTo(goesOn);
    // As Ubuntu has them: what is not compressed, with all its modules, before what is.
    byte[] large = archive(3000, 50);
    assertThat(Initrd.goesOn(of(behind(microcode, large, main)))).isEqualTo(goesOn);
  }

  private static byte[] archive(int files, int bytes) throws Exception {
    TreeMap<String, Initrd.File> all = new TreeMap<>();
    for (int i = 0; i < files; i++) {
      all.put("kernel/x86/microcode/Genuine%04d.bin".formatted(i), () -> new byte[bytes]);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Initrd.cpio(out, "", all);
    return out.toByteArray();
  }

  @Test
  void anArchiveOfWhichNobodySeesTheEndGetsNothingBehindIt() throws Exception {
    assertThat(Initrd.goesOn(of(archive(9000, 1)))).isFalse();
  }

  @Test
  void modulesThatAreTooManyOrInNoPlaceAreRefused() {
    StringBuilder many = new StringBuilder("kernel/virtio_blk.ko:");
    for (int i = 0; i < 70; i++) {
      many.append(" kernel/").append(i).append(".ko");
    }
    for (String dep :
        List.of(
            many + "\n",
            "./virtio_blk.ko:\n",
            "kernel//virtio_blk.ko:\n",
            "/kernel/virtio_blk.ko:\n",
            "a/".repeat(9000) + "virtio_blk.ko:\n")) {
      assertThatThrownBy(() -> Initrd.files(dep, List.of("virtio_blk"))).isInstanceOf(Unfit.class);
    }
  }

  @Property(tries = 500)
  void whateverAnInitialRamDiskBeginsWithIsJudgedToItsEnd(@ForAll byte[] noise) throws Exception {
    boolean _ = Initrd.goesOn(of(noise));
    byte[] head = "070701".getBytes(ISO_8859_1);
    boolean _ = Initrd.goesOn(of(behind(head, noise)));
  }

  @Test
  void modulesComeWithAllThatTheyNeedAndNothingFromElsewhere() throws Exception {
    String dep =
        "kernel/a/virtio_blk.ko.xz: kernel/b/virtio.ko.xz kernel/b/virtio-ring.ko.xz\n"
            + "kernel/b/virtio.ko.xz: kernel/b/virtio-ring.ko.xz\nkernel/b/virtio-ring.ko.xz:\n"
            + "kernel/c/other.ko.xz: kernel/b/virtio.ko.xz\nkernel/d/e-vil.ko: ../../etc/shadow\n";
    assertThat(Initrd.files(dep, List.of("virtio_blk", "not_there")))
        .containsExactlyInAnyOrder(
            "kernel/a/virtio_blk.ko.xz", "kernel/b/virtio.ko.xz", "kernel/b/virtio-ring.ko.xz");
    assertThatThrownBy(() -> Initrd.files(dep, List.of("e_vil"))).isInstanceOf(IOException.class);
    assertThat(Initrd.module("kernel/b/virtio-ring.ko.xz")).isEqualTo("virtio_ring");
  }

  @Test
  void cardsAreFoundInSettingsOfEveryKind() {
    assertThat(
            Edits.cards(
                """
                # iface ens9 inet dhcp
                auto lo ens3
                iface ens3.100 inet static
                    enp0s31f6: {dhcp4: true}
                interface-name=eno1
                DEVICE="eth0"
                ssid = tens4 and lens5, ens6x, my-ens7
                """))
        .containsExactly("ens3", "enp0s31f6", "eno1", "eth0");
  }

  @Test
  void cardsKeepTheirNamesInTheOrderOfTheirPlaces() {
    String one = "52:54:00:00:00:01";
    String two = "52:54:00:00:00:02";
    Edits.Edited rules = Edits.names(List.of("ens10", "ens3"), List.of(one, two));
    assertThat(rules.text().lines())
        .containsExactly(
            "# The names that the cards had before the move.",
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{type}==\"1\","
                + " ATTR{address}==\"52:54:00:00:00:01\", NAME=\"ens3\"",
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{type}==\"1\","
                + " ATTR{address}==\"52:54:00:00:00:02\", NAME=\"ens10\"");
    assertThat(rules.times()).isEqualTo(2);
    assertThat(Edits.names(List.of("enp2s0", "enp1s10", "enp1s9"), List.of(one, two, "x")).text())
        .containsSubsequence("\"enp1s9\"", "\"enp1s10\"", "\"enp2s0\"");
  }

  @ParameterizedTest
  @CsvSource({"'', 1", "ens3, 2", "ens3 ens4, 1", "ens3 enp1s0, 2", "eth0, 1", "eth0 eth1, 2"})
  void whereItIsNotClearWhichCardHadWhichNameNoneIsGivenOne(String names, int cards) {
    List<String> all = names.isEmpty() ? List.of() : List.of(names.split(" ", -1));
    List<String> addresses = List.of("52:54:00:00:00:01", "52:54:00:00:00:02").subList(0, cards);
    Edits.Edited rules = Edits.names(all, addresses);
    assertThat(rules.text()).isEmpty();
    assertThat(rules.times()).isZero();
    assertThat(rules.left()).containsExactlyInAnyOrderElementsOf(all);
  }
}
