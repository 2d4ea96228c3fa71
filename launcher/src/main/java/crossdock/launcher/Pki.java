package crossdock.launcher;

import crossdock.launcher.Authority.Leaf;
import crossdock.launcher.Authority.Use;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;

/** The core's authority, each provider's own, and where their leaves are put. */
record Pki(Authority core, Map<String, Authority> members) implements Keys {

  static Pki open(State state, Clock clock) {
    Map<String, Authority> members = new LinkedHashMap<>();
    for (Site site : Site.ALL) {
      members.put(
          site.provider(),
          Authority.open(state.pki(site.provider()), "crossdock " + site.provider(), clock));
    }
    return new Pki(Authority.open(state.pki("core"), "crossdock core", clock), members);
  }

  @Override
  public Authority member(String provider) {
    Authority found = members.get(provider);
    if (found == null) {
      throw new IllegalArgumentException("no such provider: " + provider);
    }
    return found;
  }

  @Override
  public void kafka(Path directory, Party party) {
    kafka(directory, party, Use.CLIENT);
  }

  /** The same, for who is reached at these addresses too. */
  void kafka(Path directory, Party party, Use use, String... addresses) {
    Leaf leaf = core.issue(party, use, addresses);
    State.write(directory.resolve("kafka.pem"), leaf.keyPem() + leaf.chainPem());
    State.write(directory.resolve("kafka-trust.pem"), core.certificatePem());
  }

  /** Writes {@code signing.key.pem} and {@code signing.pem}. */
  static void signing(Path directory, Authority authority, Party party) {
    Leaf leaf = authority.issue(party, Use.SIGNING);
    State.write(directory.resolve("signing.key.pem"), leaf.keyPem());
    State.write(directory.resolve("signing.pem"), leaf.chainPem());
  }

  /** Writes {@code key.p12}. */
  static void tls(
      Path directory, Authority authority, Party party, String password, String address) {
    Leaf leaf = authority.issue(party, Use.PEER, address);
    State.write(directory.resolve("key.p12"), leaf.pkcs12(password));
  }
}
