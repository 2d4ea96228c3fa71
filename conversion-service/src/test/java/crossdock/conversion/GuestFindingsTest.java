package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class GuestFindingsTest {
  private final Map<String, String> answers = new HashMap<>();

  private GuestFindings found() {
    answers.putIfAbsent("system", answers.containsKey("windows") ? "" : "ID=debian");
    return GuestFindings.of(new Guestfs.Answers(answers, Optional.empty())).orElseThrow();
  }

  private SortedMap<String, String> traits() {
    return found().traits();
  }

  @Test
  void aDebianThatIsReadyToMove() {
    answers.put("system", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"");
    answers.put("filesystems", "/dev/sda1: ext4\n/dev/sda2: swap");
    answers.put(
        "fstab",
        "# comment\nUUID=1-2 / ext4 defaults 0 1\nUUID=3 none swap sw 0 0\nproc /proc proc");
    answers.put("boot", "linux /vmlinuz root=UUID=1-2 ro console=tty0 console=ttyS0,115200");
    answers.put(
        "initrd",
        "kernel/drivers/block/virtio_blk.ko\nlib/modules/6/kernel/drivers/ata/ahci.ko.xz");
    answers.put("network", "auto eth0\niface eth0 inet dhcp");
    answers.put("cloud-init", "/etc/cloud/cloud.cfg");
    answers.put("datasource", "DataSourceOpenStack: DataSourceOpenStack [net,ver=2]");
    answers.put("clock", "pool 2.debian.pool.ntp.org iburst");
    assertThat(traits())
        .containsExactlyInAnyOrderEntriesOf(
            Map.ofEntries(
                Map.entry("guest.os.name", "debian"),
                Map.entry("guest.os.version", "12"),
                Map.entry("guest.volumes", "plain"),
                Map.entry("guest.fstab-by", "uuid"),
                Map.entry("guest.root-by", "uuid"),
                Map.entry("guest.console", "serial"),
                Map.entry("guest.drivers", "virtio_blk,ahci"),
                Map.entry("guest.addresses", "dhcp"),
                Map.entry("guest.network-by", "name"),
                Map.entry("guest.cloud-init", "openstack"),
                Map.entry("guest.time-from", "ntp")));
    assertThat(found().checks())
        .extracting(Check::name, Check::outcome)
        .containsExactly(
            tuple("guest-inventory", Outcome.PASSED),
            tuple("leftovers", Outcome.PASSED),
            tuple("licences", Outcome.PASSED));
  }

  @Test
  void theLeastStableNameOfAFileSystemCounts() {
    for (Map.Entry<String, String> one :
        Map.of(
                "UUID=1 / ext4\n/dev/sdb1 /data ext4", "device",
                "UUID=1 / ext4\n/dev/nvme0n1p2 /data ext4", "device",
                "LABEL=a / ext4\n/dev/disk/by-path/x /data ext4", "path",
                "/dev/disk/by-uuid/x / ext4\n/dev/mapper/vg-root /data ext4", "lvm",
                "UUID=1 / ext4\nLABEL=b /b xfs", "label",
                "PARTUUID=\"1\" / ext4", "uuid")
            .entrySet()) {
      answers.put("fstab", one.getKey());
      assertThat(traits()).as(one.getKey()).containsEntry("guest.fstab-by", one.getValue());
    }
    answers.put("fstab", "tmpfs /tmp tmpfs\n\n#/dev/sda1 / ext4");
    assertThat(traits()).doesNotContainKey("guest.fstab-by");
  }

  @Test
  void whatACardIsKnownByAndHowItComesByItsAddress() {
    for (Map.Entry<String, List<String>> one :
        Map.of(
                "network:\n  ethernets:\n    id0:\n      match:\n        macaddress: 52:54:00:12:34:56\n      dhcp4: true",
                List.of("mac", "dhcp"),
                "network:\n  ethernets:\n    ens3:\n      addresses: [10.0.0.5/24]",
                List.of("name", "static"),
                "[Match]\nName=*\n[Network]\nDHCP=yes",
                List.of("dhcp", "dhcp"),
                "DEVICE=eth0\nBOOTPROTO=dhcp",
                List.of("name", "dhcp"),
                "DEVICE=eth0\nHWADDR=52:54:00:12:34:56\nIPADDR=10.0.0.5",
                List.of("mac", "static"),
                "iface ens3 inet static\n  address 10.0.0.5/24",
                List.of("name", "static"),
                "[Match]\nName=en*\n[Network]\nAddress=10.0.0.5/24",
                List.of("name", "static"))
            .entrySet()) {
      answers.put("network", one.getKey());
      assertThat(
              List.of(
                  traits().getOrDefault("guest.network-by", ""),
                  traits().getOrDefault("guest.addresses", "")))
          .as(one.getKey())
          .isEqualTo(one.getValue());
    }
  }

  @Test
  void whatAnotherCloudLeftAndOwnsIsWarnedOf() {
    answers.put("agents", "/usr/sbin/waagent\n/usr/bin/vmtoolsd");
    answers.put("seeds", "/var/lib/cloud/instances/i-0123");
    answers.put("keys", "/root/.ssh/authorized_keys");
    answers.put("licences", "/etc/pki/rhui");
    answers.put("clock", "server 169.254.169.123 prefer iburst");
    assertThat(traits())
        .containsEntry("guest.agents", "open-vm-tools,waagent")
        .containsEntry("guest.time-from", "provider")
        .containsEntry("guest.cloud-init", "none");
    assertThat(found().checks())
        .filteredOn(check -> check.outcome() == Outcome.WARNED)
        .extracting(Check::detail)
        .containsExactly(
            "agent open-vm-tools, agent waagent, cloud-init's /var/lib/cloud/instances/i-0123, "
                + "keys in /root/.ssh/authorized_keys",
            "/etc/pki/rhui");
  }

  @Test
  void volumesOfEveryKindAndHowTheyAreUnlocked() {
    answers.put(
        "filesystems",
        "/dev/sda1: crypto_LUKS\n/dev/vg/root: xfs\n/dev/md127: ext4\n/dev/sdb: BitLocker\n/dev/sdc: swap");
    assertThat(traits()).containsEntry("guest.volumes", "bitlocker,luks,lvm,md");
    for (Map.Entry<String, String> one :
        Map.of(
                "root UUID=1 none luks", "passphrase",
                "root UUID=1 /etc/key luks", "keyfile",
                "root UUID=1 - tpm2-device=auto", "tpm",
                "", "passphrase")
            .entrySet()) {
      answers.put("crypttab", one.getKey());
      assertThat(traits()).containsEntry("guest.unlock", one.getValue());
    }
  }

  @Test
  void cloudInitThatIsFixedToOneSourceIsFixedAndToSeveralIsNot() {
    answers.put("cloud-init", "/etc/cloud/cloud.cfg");
    answers.put("datasource", "datasource_list: [ Ec2, None ]");
    assertThat(traits()).containsEntry("guest.cloud-init", "ec2");
    answers.put("datasource", "datasource_list: [ NoCloud, ConfigDrive, OpenStack ]");
    assertThat(traits()).doesNotContainKey("guest.cloud-init");
  }

  @Test
  void driversAreKnownWhereAnInitialRamDiskWasRead() {
    answers.put("builtin", "kernel/drivers/ata/ahci.ko");
    answers.put("net", "/lib/modules/6/kernel/drivers/net/virtio_net.ko.xz");
    assertThat(traits()).doesNotContainKey("guest.drivers");
    answers.put("initrd", "usr/lib/modules/6/kernel/drivers/block/virtio_blk.ko");
    assertThat(traits()).containsEntry("guest.drivers", "virtio_blk,virtio_net,ahci");
  }

  @Test
  void ofAWindowsNothingIsClaimedThatNobodyAsked() {
    answers.put("windows", "/Windows/System32/ntoskrnl.exe");
    assertThat(traits()).doesNotContainKeys("guest.os.name", "guest.cloud-init");
    assertThat(found().checks())
        .extracting(Check::name, Check::outcome)
        .containsExactly(
            tuple("guest-inventory", Outcome.PASSED),
            tuple("leftovers", Outcome.SKIPPED),
            tuple("licences", Outcome.SKIPPED));
  }

  @Test
  @Timeout(20)
  void whatAGuestMadeSlowToReadIsReadAtOnce() {
    for (String question :
        List.of("network", "clock", "datasource", "system", "boot", "crypttab", "fstab")) {
      answers.put("cloud-init", "x");
      for (String hostile :
          List.of(
              "a" + "\n".repeat(200_000) + "b",
              (" ".repeat(500) + "x\n").repeat(500),
              "datasource_list: [" + " ".repeat(200_000),
              "iface " + "a".repeat(200_000),
              "0:".repeat(100_000),
              "\t".repeat(100_000) + "address")) {
        answers.put(question, hostile);
        assertThat(found().checks()).hasSize(3);
      }
    }
  }

  @Test
  void whateverAGuestSaysIsATraitOrNothing() {
    Random random = new Random(1);
    String alphabet = "ab=:/\"'\n\\ #[]{}\0é😀UUIDroot/dev/sda1console=ttyS0DataSource";
    for (int i = 0; i < 5_000; i++) {
      for (String question :
          List.of(
              "system",
              "fstab",
              "boot",
              "network",
              "filesystems",
              "datasource",
              "crypttab",
              "clock",
              "initrd",
              "agents",
              "licences",
              "seeds",
              "keys",
              "cloud-init",
              "windows")) {
        StringBuilder said = new StringBuilder();
        for (int j = random.nextInt(60); j > 0; j--) {
          said.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        answers.put(question, said.toString());
      }
      found().traits().values().forEach(value -> assertThat(value).matches("[ -~]{1,128}"));
      assertThat(found().checks()).allMatch(check -> check.detail().matches("[ -~…]{0,512}"));
    }
    answers.put(
        "system", "ID=" + "x".repeat(10_000) + "\nPRETTY_NAME=\"" + "y".repeat(10_000) + "\"");
    assertThat(found().checks()).allMatch(check -> check.detail().length() <= 512);
  }
}
