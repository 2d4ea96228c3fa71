package crossdock.catalog;

import crossdock.chassis.testing.TestChain;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Firewall;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Two sites that offer different things, and a machine of the first. */
final class Sample {
  static final SiteId NORTH = SiteId.parse("north:oslo");
  static final SiteId SOUTH = SiteId.parse("south:roma");
  static final List<Listing> LISTINGS =
      List.of(
          Json.read(
              """
      [{"site":"north:oslo","country":"NO","formats":["qcow2","raw"],
        "sizes":[{"name":"n1.small","cpus":1,"memoryBytes":268435456}],
        "networks":[{"name":"default","subnets":["10.8.0.0/24"]}],"securityGroups":["default"],
        "architectures":["x86_64"],"firmwares":["BIOS"]},
       {"site":"south:roma","country":"IT","formats":["vmdk"],
        "sizes":[{"name":"large","cpus":8,"memoryBytes":8589934592},
                 {"name":"small","cpus":1,"memoryBytes":536870912},
                 {"name":"medium","cpus":2,"memoryBytes":2147483648}],
        "networks":[{"name":"lan","subnets":["10.1.0.0/16"]},
                    {"name":"front","subnets":["192.0.2.0/25","2001:db8::/64"]}],"securityGroups":["closed","web"],
        "architectures":["x86_64"],"firmwares":["BIOS","UEFI"]}]
      """,
              Listing[].class));

  private Sample() {}

  static Machine machine(int cpus, long memoryBytes, String network, String group) {
    return new Machine(
        "vm-1",
        "Web shop (old)",
        "x86_64",
        cpus,
        memoryBytes,
        Machine.Firmware.BIOS,
        "linux",
        List.of(
            new Machine.Disk("disk-0", "qcow2", 1L << 30), new Machine.Disk("disk-1", "raw", 1)),
        List.of(new Machine.Nic("nic-0", network, "52:54:00:12:34:56")),
        List.of(group));
  }

  /** A small machine with these cards. */
  static Machine machine(List<Machine.Nic> nics) {
    Machine model = machine(1, 1 << 30, "front", "web");
    return new Machine(
        model.id(),
        model.name(),
        model.architecture(),
        model.cpus(),
        model.memoryBytes(),
        model.firmware(),
        model.guestOs(),
        model.disks(),
        nics,
        model.securityGroups());
  }

  /** The same site, but that it sets firewalls of so many rules. */
  static Listing filtering(Listing model, int rules) {
    return new Listing(
        model.site(),
        model.country(),
        model.formats(),
        model.sizes(),
        model.networks(),
        model.securityGroups(),
        model.architectures(),
        model.firmwares(),
        Optional.of(
            new Listing.Filtering(
                Set.of(Firewall.Direction.values()), Optional.empty(), true, rules)),
        model.traits(),
        model.limits());
  }

  static TestChain inspected(SiteId target, Machine machine) {
    Subject caller = new Subject("https://idp", "alice");
    return new TestChain(MigrationId.of(caller, "1"))
        .says(
            new Party.Core(CoreService.GATEWAY),
            new Fact.Requested(
                caller,
                NORTH,
                "vm-1",
                target,
                Fact.Mode.COLD,
                Fact.Acceptance.AUTOMATIC,
                Money.zero("EUR"),
                false))
        .says(new Party.Core(CoreService.IDENTITY), new Fact.Authorized(caller, caller))
        .says(new Party.Site(NORTH), new Fact.Inspected(machine));
  }
}
