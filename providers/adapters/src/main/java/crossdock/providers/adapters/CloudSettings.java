package crossdock.providers.adapters;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.providers.Cloud;
import crossdock.providers.kvm.Kvm;
import crossdock.providers.library.Library;
import crossdock.providers.openstack.Account;
import crossdock.providers.openstack.OpenStack;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;

/**
 * Which cloud is behind a site.
 *
 * @param provider {@code library}, {@code kvm} or {@code openstack}
 * @param root the site's directory; what it remembers, of an OpenStack
 * @param formats of target disks, the preferred one first; an OpenStack has its own
 * @param accelerator QEMU's, {@code tcg} or {@code kvm}
 * @param maxMachines that it has room for
 * @param maxBytes of all their disks together
 * @param networks of a KVM site
 * @param account file with an OpenStack's {@link Account} as JSON
 */
public record CloudSettings(
    String provider,
    Path root,
    List<String> formats,
    String accelerator,
    int maxMachines,
    long maxBytes,
    Kvm.Networks networks,
    Optional<Path> account) {
  /** What is not said is so. */
  public static final String ACCELERATOR = "tcg";

  public static final String MAX_MACHINES = "100";
  public static final String MAX_BYTES = "1099511627776";
  public static final String NETWORKS = "isolated";

  /** By the properties that a site's services are started with. */
  public static CloudSettings of(Properties properties) {
    return new CloudSettings(
        required(properties, "crossdock.site.provider"),
        Path.of(required(properties, "crossdock.site.root")),
        List.of(required(properties, "crossdock.site.formats").split(",", -1)),
        properties.getProperty("crossdock.site.accelerator", ACCELERATOR),
        Integer.parseInt(properties.getProperty("crossdock.site.max-machines", MAX_MACHINES)),
        Long.parseLong(properties.getProperty("crossdock.site.max-bytes", MAX_BYTES)),
        Kvm.Networks.valueOf(
            properties.getProperty("crossdock.kvm.networks", NETWORKS).toUpperCase(Locale.ROOT)),
        Optional.ofNullable(properties.getProperty("crossdock.openstack.account")).map(Path::of));
  }

  private static String required(Properties properties, String name) {
    return Optional.ofNullable(properties.getProperty(name))
        .orElseThrow(() -> new Refused("no " + name));
  }

  /**
   * Opens it.
   *
   * @throws Refused if there is no such adapter, or no account of an OpenStack
   */
  public Cloud open(Clock clock) throws IOException {
    return switch (provider) {
      case "library" -> new Library(root, formats, maxMachines, maxBytes);
      case "kvm" ->
          new Kvm(root, accelerator, formats, new Kvm.Limits(maxMachines, maxBytes), networks);
      case "openstack" ->
          new OpenStack(
              root,
              Json.read(
                  Files.readAllBytes(
                      account.orElseThrow(() -> new Refused("an OpenStack without account"))),
                  Account.class),
              clock);
      default -> throw new Refused("no adapter " + provider);
    };
  }
}
