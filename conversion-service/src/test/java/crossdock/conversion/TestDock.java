package crossdock.conversion;

import crossdock.chassis.TlsStores;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.chassis.testing.TestParty;
import crossdock.contracts.Party;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** The configuration of a site's dock: an identity of its own, and no key to sign with. */
final class TestDock {
  private TestDock() {}

  /**
   * @param directory for what the dock keeps; its site's disks are below {@code root}
   */
  static Map<String, Object> configuration(
      Parties parties, Party.Site site, Path directory, Path root) throws IOException {
    Map<String, Object> all = TestParty.configuration(parties, site, new TestDatabase(), directory);
    all.remove("crossdock.signing.key");
    all.remove("crossdock.signing.certificate");
    Path store = parties.tls(site, site.dockUrn(), directory.resolve("dock.p12"));
    all.put("crossdock.party", site.dockUrn());
    all.put("crossdock.tls.keystore", store.toString());
    all.put("crossdock.site.root", root.toString());
    return all;
  }

  /** Has it answer over TLS 1.3, to who shows a certificate. */
  static void serves(Map<String, Object> all) {
    all.put("micronaut.server.ssl.enabled", true);
    all.put("micronaut.server.ssl.port", -1);
    all.put("micronaut.server.ssl.client-authentication", "need");
    all.put("micronaut.server.ssl.protocols", "TLSv1.3");
    all.put("micronaut.server.ssl.key-name", TlsStores.NAME);
    all.put("micronaut.server.ssl.trust-name", TlsStores.NAME);
  }
}
