package crossdock.chassis.testing;

import crossdock.contracts.CoreService;
import crossdock.contracts.Party;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What a service is started with: its party's files, a database, and a broker that nobody runs. */
public final class TestParty {
  private TestParty() {}

  /**
   * A core service, alone in a world of its own.
   *
   * @param directory empty, the test's own
   */
  public static Map<String, Object> configuration(CoreService service, Path directory)
      throws IOException {
    return configuration(new Parties(), new Party.Core(service), new TestDatabase(), directory);
  }

  /** Writes the party's files and names them. */
  public static Map<String, Object> configuration(
      Parties parties, Party party, TestDatabase database, Path directory) throws IOException {
    Map<String, Object> configuration = new HashMap<>(database.configuration());
    configuration.putAll(parties.configure(party, directory));
    configuration.put("micronaut.server.host", "127.0.0.1");
    configuration.put("micronaut.server.port", -1);
    configuration.put("kafka.bootstrap.servers", "127.0.0.1:9");
    configuration.put("kafka.reconnect.backoff.max.ms", 10_000);
    configuration.put("crossdock.dock.secret", "what a site's services know and nobody else");
    return configuration;
  }
}
