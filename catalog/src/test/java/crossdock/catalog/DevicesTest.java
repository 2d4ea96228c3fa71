package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Adaptation;
import crossdock.contracts.Fact;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.Plan.Mapping;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class DevicesTest {
  private static final Machine MACHINE = Sample.machine(1, 1 << 30, "front", "web");
  private static final String BUS = "disk.bus";
  private static final String CARD = "nic.model";

  @Test
  void whatTheTargetDoesNotListIsLeftToIt() {
    assertThat(plan(Map.of(BUS, "ide"), Map.of()).devices()).isEmpty();
  }

  @Test
  void aMachineKeepsWhatItHas() {
    Map<String, Mapping> devices =
        plan(
                Map.of(BUS, "sata", CARD, "e1000"),
                Map.of(BUS, List.of("virtio", "sata"), CARD, List.of("virtio-net", "e1000")))
            .devices();
    assertThat(devices.get(BUS)).isEqualTo(new Mapping("sata", "sata", "As it is now."));
    assertThat(devices.get(CARD)).isEqualTo(new Mapping("e1000", "e1000", "As it is now."));
  }

  @Test
  void itGetsWhatItsGuestStartsWithRatherThanTheQuickest() {
    Plan plan =
        plan(
            Map.of(BUS, "ide", "guest.drivers", "ata_piix,ahci"),
            Map.of(BUS, List.of("virtio", "sata")));
    assertThat(plan.devices().get(BUS))
        .isEqualTo(
            new Mapping("ide", "sata", "The quickest of those there that the guest starts with."));
    assertThat(plan.concerns())
        .extracting(Plan.Concern::code)
        .doesNotContain("disk-driver-missing");
  }

  @Test
  void whatTheGuestRunsOnNowItKeepsWhateverIsKnownOfItsDrivers() {
    Map<String, Mapping> devices =
        plan(
                Map.of(BUS, "ide", CARD, "e1000e", "guest.drivers", "virtio_blk,virtio_net"),
                Map.of(BUS, List.of("ide", "virtio"), CARD, List.of("e1000e", "virtio-net")))
            .devices();
    assertThat(target(devices, BUS)).isEqualTo("ide");
    assertThat(target(devices, CARD)).isEqualTo("e1000e");
  }

  @Test
  void aGuestIsGivenTheDriverOfWhatItGetsAndNoOther() {
    Plan plan =
        plan(
            Map.of(BUS, "sata", "guest.drivers", "ahci", "guest.os.name", "debian"),
            Map.of(BUS, List.of("scsi", "virtio"), Adaptation.TRAIT, List.of("drivers")));
    assertThat(plan.devices().get(BUS))
        .isEqualTo(
            new Mapping("sata", "virtio", "The quickest there; the guest is given its driver."));
    assertThat(plan.adaptations())
        .containsExactly(
            new Adaptation(Adaptation.Kind.DRIVERS, List.of("virtio"), "disk-driver-missing"));
  }

  @Test
  void aWindowsOfWhichNothingIsKnownGetsWhatItBringsADriverOf() {
    Map<String, List<String>> there =
        Map.of(BUS, List.of("virtio", "sata", "ide"), CARD, List.of("virtio-net", "e1000"));
    Map<String, Mapping> windows =
        plan(Map.of(BUS, "lsi", "guest.os.name", "windows"), there).devices();
    assertThat(target(windows, BUS)).isEqualTo("sata");
    assertThat(target(windows, CARD)).isEqualTo("e1000");
    Map<String, Mapping> linux = plan(Map.of(BUS, "lsi"), there).devices();
    assertThat(linux.get(BUS)).isEqualTo(new Mapping("lsi", "virtio", "The quickest there."));
    assertThat(linux.get(CARD)).isEqualTo(new Mapping("", "virtio-net", "The quickest there."));
  }

  @Test
  void cardsKeepTheirNamesByTheirAddressesInTheirOrder() {
    Map<String, String> named =
        Map.of("guest.network-by", "name", "machine.type", "pc", "guest.os.name", "debian");
    Map<String, List<String>> q35 = Map.of("machine.type", List.of("q35"));
    assertThat(plan(named, q35).adaptations()).isEmpty();
    Map<String, List<String>> there = new TreeMap<>(q35);
    there.put(Adaptation.TRAIT, List.of("cards"));
    assertThat(plan(named, there).adaptations()).isEmpty(); // nobody says that addresses stay
    there.put("nic.mac", List.of("kept"));
    List<String> addresses = MACHINE.nics().stream().map(Machine.Nic::mac).toList();
    assertThat(addresses).isNotEmpty();
    assertThat(plan(named, there).adaptations())
        .containsExactly(new Adaptation(Adaptation.Kind.CARDS, addresses, "network-by-name"));
  }

  private static String target(Map<String, Mapping> devices, String trait) {
    return Objects.requireNonNull(devices.get(trait)).target();
  }

  private static Plan plan(Map<String, String> machine, Map<String, List<String>> target) {
    Listing model = Sample.LISTINGS.get(1);
    Listing there =
        new Listing(
            model.site(),
            model.country(),
            model.formats(),
            model.sizes(),
            model.networks(),
            model.securityGroups(),
            model.architectures(),
            model.firmwares(),
            model.filtering(),
            new TreeMap<>(target),
            model.limits(),
            List.of(),
            List.of(),
            List.of(),
            List.of());
    return new Mapper(_ -> Forecast.unseen(1000))
        .plan(
            MACHINE.with(new TreeMap<>(machine)),
            Sample.LISTINGS.getFirst(),
            there,
            Fact.Mode.COLD,
            List.of());
  }
}
