package crossdock.launcher;

import java.nio.file.Path;

/** What a service is told to be, and proves it with. */
sealed interface Keys permits Pki, JoiningSite.Own {
  /**
   * Writes {@code kafka.pem} (key and chain) and {@code kafka-trust.pem}: the core, nobody else.
   */
  void kafka(Path directory, Party party);

  /** Who names a provider's parties. */
  Authority member(String provider);
}
