package crossdock.site;

import crossdock.contracts.Json;
import crossdock.contracts.Policy;
import crossdock.contracts.Refused;
import crossdock.providers.Cloud;
import crossdock.providers.kvm.Kvm;
import crossdock.providers.library.Library;
import crossdock.providers.openstack.Account;
import crossdock.providers.openstack.OpenStack;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;

/**
 * The cloud behind this site and its provider's policy, by its configuration. The one place that
 * knows all adapters.
 */
@Factory
@Requires(property = "crossdock.signing.key")
final class Clouds {
  /**
   * @param provider {@code library}, {@code kvm} or {@code openstack}
   * @param root the site's directory; what it remembers, of an OpenStack
   * @param accelerator QEMU's, {@code tcg} or {@code kvm}
   * @param formats of target disks, the preferred one first; an OpenStack has its own
   * @param networks of a KVM site, {@code isolated} or {@code bridged}
   * @param account file with an OpenStack's {@link Account} as JSON
   */
  @Singleton
  @Bean(preDestroy = "close")
  Cloud cloud(
      @Value("${crossdock.site.provider}") String provider,
      @Value("${crossdock.site.root}") Path root,
      @Value("${crossdock.site.formats}") List<String> formats,
      @Value("${crossdock.site.accelerator:tcg}") String accelerator,
      @Value("${crossdock.site.max-machines:100}") int maxMachines,
      @Value("${crossdock.site.max-bytes:1099511627776}") long maxBytes,
      @Value("${crossdock.kvm.networks:isolated}") Kvm.Networks networks,
      @Value("${crossdock.openstack.account:}") String account,
      Clock clock)
      throws IOException {
    return switch (provider) {
      case "library" -> new Library(root, formats, maxMachines, maxBytes);
      case "kvm" ->
          new Kvm(root, accelerator, formats, new Kvm.Limits(maxMachines, maxBytes), networks);
      case "openstack" ->
          new OpenStack(
              root, Json.read(Files.readAllBytes(Path.of(account)), Account.class), clock);
      default -> throw new Refused("no adapter " + provider);
    };
  }

  /**
   * What this provider demands of a machine's evidence.
   *
   * @param file a {@link Policy} as JSON; the standard one if empty
   */
  @Singleton
  Policy policy(@Value("${crossdock.policy:}") String file) throws IOException {
    return file.isEmpty()
        ? Policy.STANDARD
        : Json.read(Files.readAllBytes(Path.of(file)), Policy.class);
  }
}
