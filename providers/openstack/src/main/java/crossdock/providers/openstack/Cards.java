package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Firewall;
import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.openstack4j.api.Builders;
import org.openstack4j.model.network.IP;
import org.openstack4j.model.network.IPVersionType;
import org.openstack4j.model.network.Ipv6AddressMode;
import org.openstack4j.model.network.Network;
import org.openstack4j.model.network.Port;
import org.openstack4j.model.network.SecurityGroup;
import org.openstack4j.model.network.Subnet;
import org.openstack4j.model.network.builder.PortBuilder;

/**
 * The network cards of a machine that comes in, as Neutron has them: a security group for each of
 * its firewalls, a port for each card, a floating IP for each that is reached from outside. To be
 * used in the tag's turn.
 */
record Cards(Machine machine, Making making, Neutron neutron) {
  Cards(Machine machine, Making making) {
    this(machine, making, making.project().neutron());
  }

  /** That the project has the networks and the groups that are planned. */
  static void requireCounterparts(Machine machine, Neutron neutron) throws IOException, Refusal {
    for (Machine.Nic nic : machine.nics()) {
      Network _ = network(nic, neutron);
      if (nic.publicAddress().isPresent()) {
        String _ = external(nic.publicAddress().get(), neutron);
      }
    }
    for (String group : machine.securityGroups()) {
      SecurityGroup _ = group(group, neutron);
    }
  }

  private static Network network(Machine.Nic nic, Neutron neutron) throws IOException, Refusal {
    return neutron
        .networkNamed(nic.network())
        .orElseThrow(
            () ->
                new Refusal(
                    Reason.UNMAPPABLE, "The project has no network " + nic.network() + "."));
  }

  private static String external(Machine.PublicAddress address, Neutron neutron)
      throws IOException, Refusal {
    return neutron
        .externalNamed(address.network())
        .orElseThrow(
            () ->
                new Refusal(
                    Reason.UNMAPPABLE, "There is no external network " + address.network() + "."));
  }

  private static SecurityGroup group(String name, Neutron neutron) throws IOException, Refusal {
    return neutron
        .groupNamed(name)
        .orElseThrow(
            () ->
                new Refusal(Reason.UNMAPPABLE, "The project has no security group " + name + "."));
  }

  /**
   * All of it, what is there already only once.
   *
   * @return the ports' ids, in the machine's order
   */
  List<String> make() throws IOException, Refusal {
    Map<Firewall, String> groups = groups();
    List<String> ports = new ArrayList<>();
    for (Machine.Nic nic : machine.nics()) {
      String name = Machines.card(making.prefix(), ports.size());
      ports.add(
          making.once(
              name,
              one -> neutron.port(one).isPresent(),
              () -> {
                for (Port unknown : neutron.portsNamed(name)) {
                  neutron.deletePort(unknown.getId());
                }
                return neutron.create(port(nic, groups, name)).getId();
              }));
    }
    for (int card = 0; card < ports.size(); card++) {
      Optional<Machine.PublicAddress> planned = machine.nics().get(card).publicAddress();
      if (planned.isPresent()) {
        reach(ports.get(card), planned.get(), FloatingIp.description(making.prefix(), card));
      }
    }
    return ports;
  }

  /** By firewall, the group that lets exactly that through. */
  private Map<Firewall, String> groups() throws IOException, Refusal {
    Map<Firewall, String> groups = new HashMap<>();
    for (Firewall firewall : Groups.different(machine)) {
      String name = Groups.name(making.prefix(), groups.size());
      String id =
          making.once(
              name,
              one -> Groups.of(neutron).all().containsKey(one),
              () -> {
                for (JsonNode unknown : neutron.groups()) {
                  if (unknown.path("name").asText().equals(name)) {
                    neutron.deleteGroup(unknown.path("id").asText());
                  }
                }
                return neutron.createGroup(name);
              });
      // Also where an earlier call was cut off between its rules.
      if (!Groups.of(neutron).of(id).equals(Optional.of(firewall))) {
        for (JsonNode rule : Groups.of(neutron).group(id).path("security_group_rules")) {
          neutron.deleteRule(rule.path("id").asText());
        }
        List<Map<String, Object>> rules = Groups.say(firewall, id);
        if (!rules.isEmpty()) {
          neutron.createRules(rules);
        }
        if (!Groups.of(neutron).of(id).equals(Optional.of(firewall))) {
          throw new Refusal(Reason.UNMAPPABLE, "Neutron lets through something else.");
        }
      }
      groups.put(firewall, id);
    }
    return groups;
  }

  private Port port(Machine.Nic nic, Map<Firewall, String> groups, String name)
      throws IOException, Refusal {
    Network network = network(nic, neutron);
    PortBuilder port = Builders.port().name(name).networkId(network.getId()).macAddress(nic.mac());
    if (nic.firewall().isPresent()) {
      port.securityGroup(groups.get(nic.firewall().get()));
    } else {
      for (String group : machine.securityGroups()) {
        port.securityGroup(group(group, neutron).getId());
      }
    }
    // A network without port security lets its cards send from anything, and takes no pairs.
    if (!Boolean.FALSE.equals(network.isPortSecurityEnabled())) {
      for (Machine.AllowedAddress one : nic.allowedAddresses()) {
        if (nic.firewall().isEmpty() && one.isEverybody()) {
          // Neutron counts pairs as members of the groups that the port is in.
          throw new Refusal(
              Reason.UNMAPPABLE, "Everybody would be a member of the card's security groups.");
        }
        port.allowedAddressPair(one.from().toString(), one.mac().orElse(nic.mac()));
      }
    }
    if (!nic.addresses().isEmpty()) {
      address(port, nic, neutron.subnets(network.getId()));
    }
    return port.build();
  }

  /**
   * An automatic address follows from the MAC address and may not be asked for. Who asks for any
   * address gets no other one, so one is asked for of each version that there is.
   */
  private static void address(PortBuilder port, Machine.Nic nic, List<? extends Subnet> subnets) {
    for (IPVersionType version : List.of(IPVersionType.V4, IPVersionType.V6)) {
      Optional<? extends Subnet> free =
          subnets.stream()
              .filter(one -> one.getIpVersion() == version && !isAutomatic(one))
              .findFirst();
      List<String> kept =
          nic.addresses().stream()
              .filter(address -> address.contains(":") == (version == IPVersionType.V6))
              .toList();
      if (free.isPresent() && kept.isEmpty()) {
        port.fixedIp(null, free.get().getId());
      } else if (free.isPresent() || version == IPVersionType.V4) {
        kept.forEach(address -> port.fixedIp(address, null));
      }
    }
  }

  private static boolean isAutomatic(Subnet subnet) {
    return subnet.getIpv6AddressMode() == Ipv6AddressMode.SLAAC
        || subnet.getIpv6AddressMode() == Ipv6AddressMode.DHCPV6_STATELESS;
  }

  /** Has a port reached from outside. */
  private void reach(String port, Machine.PublicAddress planned, String description)
      throws IOException, Refusal {
    String _ =
        making.once(
            description,
            one ->
                neutron.floatingIps().stream()
                    .anyMatch(it -> it.id().equals(one) && it.port().equals(port)),
            () -> {
              Optional<String> before = made(description);
              if (before.isPresent()) {
                neutron.deleteFloatingIp(before.get());
              }
              for (FloatingIp unknown : neutron.floatingIps()) {
                if (unknown.description().equals(description)) {
                  neutron.deleteFloatingIp(unknown.id());
                }
              }
              return neutron.createFloatingIp(
                  external(planned, neutron), port, translated(port), description);
            });
  }

  /** The address of a port that a floating IP leads to: only IPv4's are translated. */
  private String translated(String id) throws IOException, Refusal {
    Port port = neutron.port(id).orElseThrow(() -> new IOException("port " + id + " has gone"));
    return port.getFixedIps().stream()
        .map(IP::getIpAddress)
        .filter(address -> !address.contains(":"))
        .findFirst()
        .orElseThrow(
            () ->
                new Refusal(
                    Reason.UNMAPPABLE,
                    "A card without an IPv4 address is not reached from outside here."));
  }

  /** Removes what was made, also what another name was given to since. */
  void remove() throws IOException {
    for (int card = 0; card < machine.nics().size(); card++) {
      Optional<String> port = made(Machines.card(making.prefix(), card));
      if (port.isPresent()) {
        neutron.deletePort(port.get());
      }
      Optional<String> address = made(FloatingIp.description(making.prefix(), card));
      if (address.isPresent()) {
        neutron.deleteFloatingIp(address.get());
      }
    }
    for (FloatingIp address : neutron.floatingIps()) {
      if (address.description().startsWith(making.prefix())) {
        neutron.deleteFloatingIp(address.id());
      }
    }
    for (Port port : neutron.portsNamed(making.prefix())) {
      neutron.deletePort(port.getId());
    }
    for (JsonNode group : neutron.groups()) {
      if (group.path("name").asText().startsWith(making.prefix())) {
        neutron.deleteGroup(group.path("id").asText());
      }
    }
  }

  private Optional<String> made(String name) throws IOException {
    return making.site().made(making.tag(), name);
  }
}
