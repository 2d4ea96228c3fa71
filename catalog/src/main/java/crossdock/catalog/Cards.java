package crossdock.catalog;

import crossdock.contracts.Choices;
import crossdock.contracts.Listing;
import crossdock.contracts.Listing.Construct;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan.Concern;
import crossdock.contracts.Plan.Mapping;
import crossdock.contracts.Plan.Severity;
import crossdock.contracts.Subnet;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the network cards of a machine become at a target.
 *
 * @param goesOn whether the source goes on running, and needs its addresses itself
 */
record Cards(
    Machine machine, Listing source, Listing target, boolean goesOn, List<Concern> concerns) {
  private static final String FLOATING = "address.floating";
  private static final String DROPPED = "floating-addresses-dropped";

  /** One for each card, in order. */
  List<Mapping> networks(Choices choices) {
    List<String> offered = target.networks().stream().map(Listing.Network::name).toList();
    ofNothing(choices);
    List<Mapping> networks = new ArrayList<>();
    for (Machine.Nic nic : machine.nics()) {
      networks.add(
          chosen(nic, choices, offered)
              .or(() -> Mapper.counterpart(source, target, Construct.NETWORK, nic.network()))
              .or(() -> holding(nic))
              .orElseGet(() -> Mapper.named("network", nic.network(), offered, concerns)));
    }
    return networks;
  }

  /**
   * One for each address of each card.
   *
   * @param networks as {@link #networks}
   */
  List<Mapping> addresses(List<Mapping> networks) {
    List<Mapping> addresses = new ArrayList<>();
    for (int card = 0; card < networks.size(); card++) {
      Machine.Nic nic = machine.nics().get(card);
      for (String address : nic.addresses()) {
        addresses.add(
            goesOn ? left(nic, address) : address(nic, address, networks.get(card).target()));
      }
    }
    return addresses;
  }

  /**
   * One for each card that is reached from outside.
   *
   * @param networks as {@link #networks}
   */
  List<Mapping> outside(List<Mapping> networks) {
    List<Mapping> outside = new ArrayList<>();
    for (int card = 0; card < networks.size(); card++) {
      Machine.Nic nic = machine.nics().get(card);
      String network = networks.get(card).target();
      nic.publicAddress().ifPresent(one -> outside.add(outside(nic, one, network)));
    }
    return outside;
  }

  /**
   * One for each address that a card may send from beside its own.
   *
   * @param firewalls whether they are set for this machine alone: where it is in groups with
   *     others, whoever it may send as may be taken for one of the group
   */
  List<Mapping> allowed(boolean firewalls) {
    return machine.nics().stream()
        .flatMap(nic -> nic.allowedAddresses().stream())
        .map(one -> allowed(one, firewalls))
        .toList();
  }

  /** Networks that no card is in: a name may be misspelt, and the choice of another one lost. */
  private void ofNothing(Choices choices) {
    choices.networks().keySet().stream()
        .filter(name -> machine.nics().stream().noneMatch(nic -> nic.network().equals(name)))
        .forEach(
            name ->
                concerns.add(
                    Mapper.blocking(
                        "choice-of-nothing",
                        "A network is chosen for " + name + ", and no card is in that.")));
  }

  private Optional<Mapping> chosen(Machine.Nic nic, Choices choices, List<String> offered) {
    String network = choices.networks().get(nic.network());
    if (network == null) {
      return Optional.empty();
    }
    if (!offered.contains(network)) {
      return Optional.of(Mapper.notOffered(nic.network(), "network", network, concerns));
    }
    return Optional.of(new Mapping(nic.network(), network, Mapper.CHOSEN));
  }

  /** By another name, the network whose subnets have all of the card's addresses. */
  private Optional<Mapping> holding(Machine.Nic nic) {
    List<Listing.Network> all =
        nic.addresses().isEmpty()
            ? List.of()
            : target.networks().stream()
                .filter(
                    one -> nic.addresses().stream().allMatch(has -> one.holding(has).isPresent()))
                .toList();
    if (all.isEmpty() || all.stream().anyMatch(one -> one.name().equals(nic.network()))) {
      return Optional.empty();
    }
    String network = all.getFirst().name();
    if (target.networks().stream().anyMatch(one -> one.name().equals(nic.network()))) {
      concerns.add(
          new Concern(
              "network-by-address",
              Severity.WARNING,
              "The target's %s has not the addresses of %s; %s has them and takes its place."
                  .formatted(nic.network(), nic.name(), network),
              "Look at who else is in " + network + "."));
    }
    return Optional.of(
        new Mapping(
            nic.network(), network, "Its subnets have the addresses of " + nic.name() + "."));
  }

  private Mapping address(Machine.Nic nic, String address, String network) {
    Optional<Subnet> subnet =
        target.networks().stream()
            .filter(one -> one.name().equals(network))
            .flatMap(one -> one.holding(address).stream())
            .findFirst();
    if (subnet.isPresent()) {
      return new Mapping(
          address, address, "Kept: " + network + " has the subnet " + subnet.get() + ".");
    }
    concerns.add(
        new Concern(
            "address-changes",
            Severity.WARNING,
            "%s of %s is in no subnet of %s there.".formatted(address, nic.name(), network),
            "Have the guest take its address by DHCP, and change what names the old one."));
    return new Mapping(address, "", "No subnet there has it: the target gives another one.");
  }

  private Mapping allowed(Machine.AllowedAddress one, boolean firewalls) {
    String now = one.toString();
    if (goesOn) {
      return new Mapping(now, "", "The source goes on sending from it.");
    }
    if (!firewalls && one.isEverybody()) {
      return new Mapping(now, "", "Everybody would be in the groups that it is in there.");
    }
    return target.traits().getOrDefault(FLOATING, List.of()).contains("yes")
        ? new Mapping(now, now, "Allowed there as it is here.")
        : new Mapping(now, "", "The target drops packets from other addresses than the card's.");
  }

  /** Says what is not sent from any more, where nothing else does. */
  void dropped(List<Mapping> allowed) {
    List<Mapping> lost = allowed.stream().filter(one -> one.target().isEmpty()).toList();
    if (!lost.isEmpty() && concerns.stream().noneMatch(one -> one.code().equals(DROPPED))) {
      concerns.add(
          new Concern(
              DROPPED,
              Severity.WARNING,
              "The guest no longer sends from %s: %s"
                  .formatted(lost.getFirst().source(), lost.getFirst().rule()),
              "Have the target allow these addresses at the machine's network card.",
              Optional.of("A takeover between machines (VRRP, a cluster) no longer works."),
              Optional.empty()));
    }
  }

  private Mapping outside(Machine.Nic nic, Machine.PublicAddress now, String network) {
    String name = now.address().orElse(now.network());
    List<String> offered =
        target.networks().stream()
            .filter(one -> one.name().equals(network))
            .flatMap(one -> one.publicNetworks().stream())
            .toList();
    if (offered.contains(now.network())) {
      return new Mapping(name, now.network(), "Another one, of the network of the same name.");
    }
    if (offered.isEmpty()) {
      concerns.add(
          new Concern(
              "no-public-address",
              Severity.WARNING,
              "%s is reached from outside by %s, and in %s no card is."
                  .formatted(nic.name(), name, network.isEmpty() ? "no network" : network),
              "Choose another network or target, or put something before the machine there.",
              Optional.of("Nobody outside reaches the machine."),
              Optional.empty()));
      return new Mapping(name, "", "The target gives none there.");
    }
    return new Mapping(name, offered.getFirst(), "Another one, of the site's first such network.");
  }

  private Mapping left(Machine.Nic nic, String address) {
    concerns.add(
        new Concern(
            "address-changes",
            Severity.WARNING,
            address + " of " + nic.name() + " stays with the source, which goes on running.",
            "Have the guest take its address by DHCP, and change what names the old one."));
    return new Mapping(address, "", "The source goes on with it: the target gives another one.");
  }
}
