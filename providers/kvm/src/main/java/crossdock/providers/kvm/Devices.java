package crossdock.providers.kvm;

import crossdock.contracts.Machine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a machine's disks are on and its network cards are, by its traits {@code disk.bus} and
 * {@code nic.model}; virtio's where it has none.
 */
record Devices(Bus bus, Card card) {
  private static final String BUS = "disk.bus";
  private static final String CARD = "nic.model";

  enum Bus {
    VIRTIO("virtio"),
    /** By virtio's controller. */
    SCSI("scsi"),
    NVME("nvme"),
    SATA("sata");

    /** Of an AHCI controller. */
    private static final int PORTS = 6;

    final String word;

    Bus(String word) {
      this.word = word;
    }
  }

  enum Card {
    VIRTIO("virtio-net", "virtio-net-pci"),
    E1000("e1000", "e1000"),
    E1000E("e1000e", "e1000e");

    final String word;
    private final String device;

    Card(String word, String device) {
      this.word = word;
      this.device = device;
    }
  }

  /** Empty if the machine is to have what there is none of here. */
  static Optional<Devices> of(Machine machine) {
    String bus = machine.traits().getOrDefault(BUS, Bus.VIRTIO.word);
    String card = machine.traits().getOrDefault(CARD, Card.VIRTIO.word);
    return Arrays.stream(Bus.values())
        .filter(one -> one.word.equals(bus))
        .flatMap(
            one ->
                Arrays.stream(Card.values())
                    .filter(other -> other.word.equals(card))
                    .map(other -> new Devices(one, other)))
        .findFirst();
  }

  Map<String, String> traits() {
    return Map.of(BUS, bus.word, CARD, card.word);
  }

  /**
   * QEMU's words for disks in the order in which they are started from, each on the block device
   * {@code disk<place>}.
   */
  List<String> disks(int disks) {
    List<String> words = new ArrayList<>();
    if (bus == Bus.SCSI) {
      words.addAll(List.of("-device", "virtio-scsi-pci,id=scsi"));
    }
    for (int i = 0; i < disks; i++) {
      if (bus == Bus.SATA && i % Bus.PORTS == 0) {
        words.addAll(List.of("-device", "ahci,id=sata" + i / Bus.PORTS));
      }
      String device =
          switch (bus) {
            case VIRTIO -> "virtio-blk-pci";
            case SCSI -> "scsi-hd,bus=scsi.0";
            case NVME -> "nvme,serial=disk" + i;
            case SATA -> "ide-hd,bus=sata" + i / Bus.PORTS + "." + i % Bus.PORTS;
          };
      words.addAll(List.of("-device", device + ",drive=disk" + i + ",bootindex=" + i));
    }
    return words;
  }

  /** How many places of the PCI bus so many disks and network cards take. */
  int places(int disks, int cards) {
    return cards
        + switch (bus) {
          case VIRTIO, NVME -> disks;
          case SCSI -> 1;
          case SATA -> Math.ceilDiv(disks, Bus.PORTS);
        };
  }

  /** The same for a network card on the network device {@code net<place>}. */
  List<String> card(int place, String mac) {
    return List.of("-device", card.device + ",romfile=,netdev=net" + place + ",mac=" + mac);
  }
}
