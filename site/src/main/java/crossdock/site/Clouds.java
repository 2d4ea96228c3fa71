package crossdock.site;

import crossdock.contracts.Json;
import crossdock.contracts.Policy;
import crossdock.providers.Cloud;
import crossdock.providers.adapters.CloudSettings;
import crossdock.providers.kvm.Kvm;
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
import java.util.Optional;

/** The cloud behind this site and its provider's policy, by its configuration. */
@Factory
@Requires(property = "crossdock.signing.key")
final class Clouds {
  /** As {@link CloudSettings} has it. */
  @Singleton
  @Bean(preDestroy = "close")
  Cloud cloud(
      @Value("${crossdock.site.provider}") String provider,
      @Value("${crossdock.site.root}") Path root,
      @Value("${crossdock.site.formats}") List<String> formats,
      @Value("${crossdock.site.accelerator:" + CloudSettings.ACCELERATOR + "}") String accelerator,
      @Value("${crossdock.site.max-machines:" + CloudSettings.MAX_MACHINES + "}") int maxMachines,
      @Value("${crossdock.site.max-bytes:" + CloudSettings.MAX_BYTES + "}") long maxBytes,
      @Value("${crossdock.kvm.networks:" + CloudSettings.NETWORKS + "}") Kvm.Networks networks,
      @Value("${crossdock.openstack.account:}") String account,
      Clock clock)
      throws IOException {
    return new CloudSettings(
            provider,
            root,
            formats,
            accelerator,
            maxMachines,
            maxBytes,
            networks,
            Optional.of(account).filter(file -> !file.isEmpty()).map(Path::of))
        .open(clock);
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
