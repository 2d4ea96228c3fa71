package crossdock.catalog;

import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subnet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Plans machines against regions and ranks what comes of it, as one process on all cores: arguments
 * are the numbers of machines, of regions and of rounds. Prints seconds of each round.
 */
final class CatalogBench {
  private static final List<String> COUNTRIES = List.of("NO", "IT", "DE", "FR", "PL");

  private CatalogBench() {}

  /** See the class. */
  public static void main(String[] args) {
    int machines = Integer.parseInt(args[0]);
    int regions = Integer.parseInt(args[1]);
    int rounds = Integer.parseInt(args[2]);
    Random random = new Random(1);
    List<Listing> listings = IntStream.range(0, regions).mapToObj(i -> listing(i, random)).toList();
    List<Machine> all = IntStream.range(0, machines).mapToObj(i -> machine(i, random)).toList();
    Listing source = listings.getFirst();
    Mapper mapper = new Mapper(_ -> Forecast.unseen(50_000_000));
    for (int round = 0; round < rounds; round++) {
      long began = System.nanoTime();
      long possible =
          all.parallelStream()
              .mapToLong(machine -> ranked(machine, source, listings, mapper))
              .sum();
      System.out.printf(
          "%.2f s for %d plans, %d of them possible%n",
          (System.nanoTime() - began) / 1e9, (long) machines * regions, possible);
    }
  }

  private static long ranked(
      Machine machine, Listing source, List<Listing> listings, Mapper mapper) {
    List<Offer> offers = new ArrayList<>();
    List<Plan> plans =
        mapper.plans(machine, source, listings, Fact.Mode.COLD, List.of(), Choices.NONE);
    for (int i = 0; i < plans.size(); i++) {
      offers.add(Offer.of(plans.get(i), source, listings.get(i), Fact.Mode.COLD, Optional.empty()));
    }
    return Offer.ranked(offers, source.country()).stream().filter(Offer::possible).count();
  }

  private static Listing listing(int number, Random random) {
    List<Listing.Size> sizes = new ArrayList<>();
    for (int cpus = 1; cpus <= 64; cpus *= 2) {
      for (int gib = 1; gib <= 8; gib *= 2) {
        sizes.add(new Listing.Size(cpus + "x" + gib, cpus, (((long) cpus * gib) << 30) - number));
      }
    }
    int net = random.nextInt(4);
    return new Listing(
        SiteId.parse("p" + number % 50 + ":r" + number),
        COUNTRIES.get(random.nextInt(COUNTRIES.size())),
        List.of("qcow2", "raw"),
        sizes,
        List.of(
            new Listing.Network("lan", List.of(Subnet.parse("10." + net + ".0.0/16"))),
            new Listing.Network("dmz", List.of(Subnet.parse("192.0.2.0/24")))),
        List.of("default"),
        List.of("x86_64"),
        List.of(Machine.Firmware.BIOS, Machine.Firmware.UEFI),
        Optional.of(
            new Listing.Filtering(
                Set.of(Direction.values()),
                random.nextBoolean() ? Optional.empty() : Optional.of(Set.of(1, 6, 17)),
                random.nextBoolean(),
                100)),
        new TreeMap<>(
            Map.of(
                "disk.bus", List.of("virtio", "scsi"),
                "nic.model", List.of("virtio-net"),
                "machine.type", List.of("q35"),
                "firmware.tpm", List.of("none"),
                "clock.base", List.of("utc"),
                "cpu.baseline", List.of("x86-64-v1", "x86-64-v2"))),
        new TreeMap<>(Map.of("disks", 16L, "nics", 8L, "disk.bytes", 4L << 40)));
  }

  private static SortedMap<String, String> traits(Random random) {
    return new TreeMap<>(
        Map.of(
            "disk.bus",
            random.nextBoolean() ? "virtio" : "sata",
            "nic.model",
            random.nextBoolean() ? "virtio-net" : "vmxnet3",
            "machine.type",
            random.nextBoolean() ? "pc" : "q35",
            "firmware.tpm",
            random.nextInt(5) == 0 ? "2.0" : "none",
            "clock.base",
            "utc",
            "cpu.baseline",
            "x86-64-v2",
            "guest.os.name",
            "debian",
            "guest.drivers",
            "virtio_blk,virtio_net,ahci",
            "guest.cloud-init",
            "openstack",
            "snapshots.count",
            Integer.toString(random.nextInt(3))));
  }

  private static Machine machine(int number, Random random) {
    List<Machine.Nic> nics = new ArrayList<>();
    for (int nic = 0; nic <= random.nextInt(3); nic++) {
      List<Rule> rules = new ArrayList<>();
      for (int rule = 0; rule < 1 + random.nextInt(12); rule++) {
        int port = random.nextInt(65536);
        rules.add(
            new Rule(
                Direction.INGRESS,
                Optional.of(random.nextBoolean() ? Firewall.TCP : Firewall.UDP),
                port,
                Math.min(65535, port + random.nextInt(100)),
                List.of(
                    Subnet.parse("10." + random.nextInt(256) + ".0.0/16"),
                    Subnet.parse("2001:db8:" + random.nextInt(1, 999) + "::/48")),
                List.of()));
      }
      rules.add(Rule.any(Direction.EGRESS, List.of(Subnet.ALL_V4, Subnet.ALL_V6), List.of()));
      nics.add(
          new Machine.Nic(
              "nic" + nic,
              "lan",
              "52:54:00:00:%02x:%02x".formatted(number >> 8 & 0xff, number & 0xff),
              List.of("10." + random.nextInt(4) + ".0." + (1 + nic)),
              Optional.of(new Firewall(rules))));
    }
    return new Machine(
        "vm-" + number,
        "Machine " + number,
        "x86_64",
        1 + random.nextInt(32),
        (long) (1 + random.nextInt(64)) << 30,
        Machine.Firmware.BIOS,
        "linux",
        List.of(new Machine.Disk("root", "qcow2", 20L << 30)),
        nics,
        List.of("web"),
        traits(random));
  }
}
