package crossdock.contracts;

import java.util.List;
import java.util.Locale;

/**
 * What the target's dock changes in a guest before it is written there, so that it lives there. The
 * source stays as it is, and every other chunk is the certified one.
 *
 * @param to what it is made for there, such as the bus of its disks; may be empty
 * @param concern the code of the concern that it answers
 */
public record Adaptation(Kind kind, List<String> to, String concern) {
  /** Of what it may be made for. */
  public static final int MOST = 32;

  private static final int LONGEST = 64;

  /** What is changed. Closed: another one is a new version of the contract. */
  public enum Kind {
    /** The initial RAM disks get the drivers of the target's disks. */
    DRIVERS,
    /** {@code /etc/fstab} names file systems by UUID. */
    FSTAB,
    /** The boot loader names the root by UUID. */
    ROOT,
    /** cloud-init asks the datasources that the target has. */
    CLOUD_INIT,
    /** The kernel writes to the serial console too. */
    CONSOLE,
    /** Network cards keep their names, by their MAC addresses. */
    CARDS;

    /** As a site lists it, and a check is named by it. */
    public String wire() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** The trait by which a site lists what its dock does of it. */
  public static final String TRAIT = "guest.adaptation";

  public Adaptation {
    to = List.copyOf(to);
    if (to.size() > MOST || !to.stream().allMatch(Adaptation::fits)) {
      throw new Refused("a guest is adapted to at most " + MOST + " things with names");
    }
  }

  /** Whether it is a name of something to adapt to. */
  public static boolean fits(String name) {
    return !name.isBlank() && name.length() <= LONGEST;
  }
}
