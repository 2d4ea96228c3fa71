package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine.AllowedAddress;
import crossdock.contracts.Machine.Disk;
import crossdock.contracts.Machine.Firmware;
import crossdock.contracts.Machine.Nic;
import crossdock.contracts.Machine.PublicAddress;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MachineTest {
  private static final Disk ROOT = new Disk("root", "raw", 1 << 20);
  private static final Disk DATA = new Disk("data", "raw", 1 << 20);
  private static final Nic LAN = new Nic("eth0", "lan", "52:54:00:00:00:01", List.of("10.0.0.1"));
  private static final Nic BACK = new Nic("eth1", "back", "52:54:00:00:00:02");
  private static final Machine PLANNED =
      machine(2, 2, Firmware.UEFI, List.of(ROOT, DATA), List.of(LAN, BACK), "web");

  private static Machine machine(
      int cpus, int gib, Firmware firmware, List<Disk> disks, List<Nic> nics, String... groups) {
    return new Machine(
        "vm-1",
        "one",
        "x86_64",
        cpus,
        (long) gib << 30,
        firmware,
        "linux",
        disks,
        nics,
        List.of(groups));
  }

  @Test
  void aMachineWithAllThatWasPlannedAndMoreLacksNothing() {
    Machine more =
        machine(
            4,
            8,
            Firmware.UEFI,
            List.of(new Disk("root", "qcow2", 1 << 30), DATA),
            List.of(
                new Nic("nic0", "lan", LAN.mac(), List.of("fd00::1", "10.0.0.1")),
                new Nic("nic1", "back", BACK.mac(), List.of("10.1.0.1"))),
            "default",
            "web");
    assertThat(PLANNED.lacks(PLANNED)).isEmpty();
    assertThat(more.withId("other").lacks(PLANNED)).isEmpty();
    assertThat(PLANNED.lacks(more)).isPresent();
  }

  static Stream<Machine> lesser() {
    List<Disk> disks = PLANNED.disks();
    List<Nic> nics = PLANNED.nics();
    Nic moved = new Nic("eth0", "back", LAN.mac(), LAN.addresses());
    Nic other = new Nic("eth0", "lan", "52:54:00:00:00:03", LAN.addresses());
    Nic mute = new Nic("eth0", "lan", LAN.mac());
    return Stream.of(
        machine(1, 2, Firmware.UEFI, disks, nics, "web"),
        machine(2, 1, Firmware.UEFI, disks, nics, "web"),
        machine(2, 2, Firmware.BIOS, disks, nics, "web"),
        machine(2, 2, Firmware.UEFI, List.of(ROOT), nics, "web"),
        machine(2, 2, Firmware.UEFI, List.of(DATA, ROOT), nics, "web"),
        machine(2, 2, Firmware.UEFI, List.of(ROOT, new Disk("data", "raw", 1)), nics, "web"),
        machine(2, 2, Firmware.UEFI, disks, List.of(LAN), "web"),
        machine(2, 2, Firmware.UEFI, disks, List.of(BACK, LAN), "web"),
        machine(2, 2, Firmware.UEFI, disks, List.of(moved, BACK), "web"),
        machine(2, 2, Firmware.UEFI, disks, List.of(other, BACK), "web"),
        machine(2, 2, Firmware.UEFI, disks, List.of(mute, BACK), "web"),
        machine(2, 2, Firmware.UEFI, disks, nics));
  }

  @ParameterizedTest
  @MethodSource("lesser")
  void aMachineWithLessThanPlannedSaysSo(Machine machine) {
    assertThat(machine.lacks(PLANNED)).isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1/8",
        "1",
        "",
        "lan",
        "::1%eth0",
        "FE80::1",
        "1:2",
        ":::",
        "0x1.0.0.1",
        "010.8.0.5",
        "::ffff:10.0.0.1"
      })
  void whatIsNoAddressIsRefused(String address) {
    assertThatThrownBy(() -> new Nic("eth0", "lan", LAN.mac(), List.of(address)))
        .isInstanceOf(Refused.class);
  }

  @Test
  void anAddressThatStandsTwiceIsRefusedHoweverItIsWritten() {
    assertThatThrownBy(() -> new Nic("e", "lan", LAN.mac(), List.of("::1", "::1")))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Nic("e", "lan", LAN.mac(), List.of("::1", "0:0::1")))
        .isInstanceOf(Refused.class);
  }

  @Test
  void theOrderInWhichAProviderNamesAddressesAndHowItWritesThemMakeNoOtherMachine() {
    Nic one = new Nic("e", "lan", LAN.mac(), List.of("fd00::5", "10.0.0.1"));
    Nic other = new Nic("e", "lan", LAN.mac(), List.of("10.0.0.1", "fd00::5"));
    Nic longer = new Nic("e", "lan", LAN.mac(), List.of("10.0.0.1", "fd00:0:0::5"));
    assertThat(one).isEqualTo(other);
    Machine machine = machine(1, 1, Firmware.BIOS, List.of(ROOT), List.of(one));
    assertThat(machine.digest())
        .isEqualTo(machine(1, 1, Firmware.BIOS, List.of(ROOT), List.of(other)).digest());
    assertThat(machine.lacks(machine(1, 1, Firmware.BIOS, List.of(ROOT), List.of(longer))))
        .isEmpty();
  }

  @Test
  void aCardThatIsReachedFromElsewhereOrSendsFromMoreOrLessIsNotAsPlanned() {
    Nic planned = card("wan", Optional.empty(), SHARED);
    Machine machine = machine(1, 1, Firmware.BIOS, List.of(ROOT), List.of(planned));
    Machine asPlanned =
        machine(
            1,
            1,
            Firmware.BIOS,
            List.of(ROOT),
            List.of(card("wan", Optional.of("192.0.2.1"), SHARED)));
    assertThat(asPlanned.lacks(machine)).isEmpty();
    Nic free =
        card(
            "wan",
            Optional.empty(),
            new AllowedAddress(Subnet.ALL_V4, Optional.of(LAN.mac())),
            new AllowedAddress(Subnet.ALL_V6, Optional.empty()));
    assertThat(machine(1, 1, Firmware.BIOS, List.of(ROOT), List.of(free)).lacks(machine))
        .as("one that may send from anything")
        .isEmpty();
    for (Nic other :
        List.of(
            card("lan", Optional.of("192.0.2.1"), SHARED),
            card("wan", Optional.empty()),
            card("wan", Optional.empty(), new AllowedAddress(SHARED.from(), Optional.empty())),
            new Nic(
                "e",
                "lan",
                LAN.mac(),
                List.of(),
                Optional.empty(),
                List.of(SHARED),
                Optional.empty()))) {
      assertThat(machine(1, 1, Firmware.BIOS, List.of(ROOT), List.of(other)).lacks(machine))
          .isPresent();
    }
    assertThat(Json.read(Json.text(asPlanned), Machine.class)).isEqualTo(asPlanned);
  }

  private static final AllowedAddress SHARED =
      new AllowedAddress(Subnet.parse("10.0.0.100/32"), Optional.of("00:00:5e:00:01:07"));

  private static Nic card(String outside, Optional<String> address, AllowedAddress... allowed) {
    return new Nic(
        "e",
        "lan",
        LAN.mac(),
        List.of(),
        Optional.empty(),
        List.of(allowed),
        Optional.of(new PublicAddress(outside, address)));
  }

  @Test
  void aCardOfWhichNoAddressIsKnownIsWrittenAsItWasBeforeThereWereAny() {
    String before = "{\"name\":\"eth1\",\"network\":\"back\",\"mac\":\"52:54:00:00:00:02\"}";
    assertThat(Json.text(BACK)).isEqualTo(before);
    assertThat(Json.read(before, Nic.class)).isEqualTo(BACK);
    assertThat(Json.read(Json.text(LAN), Nic.class)).isEqualTo(LAN);
  }
}
