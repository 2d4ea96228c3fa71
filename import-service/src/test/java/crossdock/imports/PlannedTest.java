package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.StepFailed;
import crossdock.contracts.Machine;
import crossdock.contracts.Machine.AllowedAddress;
import crossdock.contracts.Machine.Nic;
import crossdock.contracts.Machine.PublicAddress;
import crossdock.contracts.Plan;
import crossdock.contracts.Plan.Mapping;
import crossdock.contracts.Subnet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PlannedTest {
  private static final AllowedAddress SHARED =
      new AllowedAddress(Subnet.parse("10.8.0.100/32"), Optional.of("00:00:5e:00:01:07"));
  private static final AllowedAddress ROUTED =
      new AllowedAddress(Subnet.parse("10.99.0.0/16"), Optional.empty());
  private static final Machine MACHINE =
      new Machine(
          "vm",
          "vm",
          "x86_64",
          1,
          1 << 30,
          Machine.Firmware.BIOS,
          "linux",
          List.of(new Machine.Disk("root", "qcow2", 1 << 30)),
          List.of(
              card("a", List.of(SHARED), Optional.empty()),
              card("b", List.of(ROUTED), Optional.of("198.51.100.7")),
              card("c", List.of(), Optional.of("198.51.100.8"))),
          List.of());

  private static Nic card(String name, List<AllowedAddress> allowed, Optional<String> outside) {
    return new Nic(
        name,
        "lan",
        "52:54:00:00:00:0" + name,
        List.of(),
        Optional.empty(),
        allowed,
        outside.map(address -> new PublicAddress("internet", Optional.of(address))));
  }

  private static Plan plan(List<String> allowed, List<String> outside) {
    Mapping lan = new Mapping("lan", "front", "");
    return new Plan(
        MACHINE.digest(),
        "vm",
        "qcow2",
        new Mapping("", "small", ""),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Collections.emptySortedMap(),
        List.of(lan, lan, lan),
        List.of(),
        allowed.stream().map(target -> new Mapping("", target, "")).toList(),
        outside.stream().map(target -> new Mapping("", target, "")).toList(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        new Plan.Estimate(1, 1));
  }

  @Test
  void everyCardGetsWhatIsPlannedForItAndNotItsAddressElsewhere() {
    List<Nic> cards =
        ImportDesk.planned(MACHINE, plan(List.of("", ROUTED.toString()), List.of("wan", "")))
            .nics();
    assertThat(cards)
        .extracting(Nic::allowedAddresses)
        .containsExactly(List.of(), List.of(ROUTED), List.of());
    assertThat(cards)
        .extracting(Nic::publicAddress)
        .containsExactly(
            Optional.empty(),
            Optional.of(new PublicAddress("wan", Optional.empty())),
            Optional.empty());
  }

  @Test
  void aPlanThatSaysNothingOfAnAddressIsNotForTheMachine() {
    for (Plan plan :
        List.of(
            plan(List.of("", ""), List.of("wan")),
            plan(List.of("", "", ""), List.of("wan", "wan")))) {
      assertThatThrownBy(() -> ImportDesk.planned(MACHINE, plan)).isInstanceOf(StepFailed.class);
    }
  }
}
