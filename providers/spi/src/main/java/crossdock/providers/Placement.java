package crossdock.providers;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;

/** Where a planned machine and its disks are to be at a site. */
public final class Placement {
  /** The trait that names a machine's zone. */
  public static final String ZONE = "zone";

  private Placement() {}

  /**
   * For a site that has one zone and one class of storage, and names neither, and whose network
   * cards have no addresses but their own.
   *
   * @throws Refusal if the machine is planned for one that has a name
   */
  public static void requireNone(Machine machine) throws Refusal {
    for (Machine.Disk disk : machine.disks()) {
      if (disk.storage().isPresent()) {
        throw new Refusal(
            Reason.UNMAPPABLE, "There is no storage " + disk.storage().get() + " here.");
      }
    }
    String zone = machine.traits().get(ZONE);
    if (zone != null) {
      throw new Refusal(Reason.UNMAPPABLE, "There is no zone " + zone + " here.");
    }
    for (Machine.Nic nic : machine.nics()) {
      if (nic.publicAddress().isPresent()) {
        throw new Refusal(Reason.UNMAPPABLE, "Nothing is reached from outside here.");
      }
      if (!nic.allowedAddresses().isEmpty()) {
        throw new Refusal(
            Reason.UNMAPPABLE, "A card sends from its own addresses here, and from no others.");
      }
    }
  }
}
