package crossdock.launcher;

import crossdock.contracts.Check;
import crossdock.contracts.Conformance;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Refused;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.launcher.Preflight.Endpoint;
import crossdock.providers.Cloud;
import crossdock.providers.adapters.CloudSettings;
import crossdock.providers.disks.TicketDisks;
import crossdock.providers.examination.SiteExamination;
import crossdock.providers.examination.SubnetExamination;
import java.io.IOException;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Holds what an installed site lists of itself against what it is, with its own rights on its own
 * host, and signs what is found. The import-service publishes that.
 */
@Command(
    name = "examine",
    description = "Tries every line of the site's listing, and signs what it finds.")
final class SiteExamining implements Callable<Integer> {
  private static final long LARGEST = 64L << 40;

  @Option(names = "--directory", required = true, description = "As for install.")
  Path directory = Path.of("");

  @Option(
      names = "--owner",
      defaultValue = "crossdock-examiner",
      description =
          "Whose machines it makes and removes; of an OpenStack, an owner with a project.")
  String owner = "";

  @Override
  public Integer call() throws IOException {
    State state = new State(directory);
    try {
      JoiningSite.Settings settings =
          Json.read(
              Files.readAllBytes(state.root().resolve("site.json")), JoiningSite.Settings.class);
      List<Services.Service> services = Services.of(settings.local());
      Properties exporting = properties(state, services.getFirst());
      Properties importing = properties(state, services.get(1));
      Listing listing =
          Json.read(
              Files.readAllBytes(Path.of(importing.getProperty("crossdock.site.listing", ""))),
              Listing.class);
      List<Check> checks = new ArrayList<>(cloud(state, importing, listing));
      checks.addAll(subnets(settings, exporting, importing));
      Clock clock = Clock.systemUTC();
      Conformance report =
          new Conformance(settings.site(), Json.digest(listing), clock.instant(), checks);
      SigningKey key =
          SigningKey.load(
              Path.of(importing.getProperty("crossdock.signing.key", "")),
              Path.of(importing.getProperty("crossdock.signing.certificate", "")));
      State.write(
          Path.of(importing.getProperty("crossdock.site.conformance", "")), report.sign(key));
      checks.forEach(
          check ->
              System.out.printf("%-8s %s: %s%n", check.outcome(), check.name(), check.detail()));
      Optional<String> objection = report.objection(listing, clock.instant());
      System.out.println(
          objection
              .map(why -> settings.site() + " is not what it lists: " + why)
              .orElse(settings.site() + " is what it lists, as far as that shows."));
      return objection.isEmpty() ? 0 : Refusal.FAILED;
    } catch (Refused e) {
      throw new Refusal(Refusal.CANNOT_START, "It cannot be examined: " + e.getMessage());
    }
  }

  private static Properties properties(State state, Services.Service service) throws IOException {
    Path file = state.run(service.name()).resolve("service.properties");
    if (!Files.exists(file)) {
      throw new Refused("there is no " + file + "; say site install first");
    }
    Properties properties = new Properties();
    try (Reader in = Files.newBufferedReader(file)) {
      properties.load(in);
    }
    return properties;
  }

  private List<Check> cloud(State state, Properties importing, Listing listing) throws IOException {
    CloudSettings settings = CloudSettings.of(importing);
    Path work = state.run("examination");
    try (Cloud cloud = settings.open(Clock.systemUTC());
        TicketDisks disks =
            new TicketDisks(settings.root(), LARGEST, RawContent.NOT_AN_IMAGE, Clock.systemUTC())) {
      return new SiteExamination(cloud, disks, owner, State.directory(work.resolve("journal")))
          .examine(listing);
    }
  }

  /** What each of the two needs, and what of the site and the other members it does not. */
  private static List<Check> subnets(
      JoiningSite.Settings settings, Properties exporting, Properties importing)
      throws IOException {
    TrustBundle bundle =
        TrustBundle.accept(
            Path.of(importing.getProperty("crossdock.trust.bundle", "")),
            Path.of(importing.getProperty("crossdock.trust.members", "")),
            Clock.systemUTC().instant());
    Set<InetSocketAddress> docks = new HashSet<>();
    Set<InetSocketAddress> services = new HashSet<>();
    for (TrustBundle.Member member : bundle.present()) {
      for (TrustBundle.Site site : member.sites()) {
        if (!site.urn().id().equals(settings.site())) {
          docks.add(address(site.dock()));
          services.add(address(site.export()));
          services.add(address(site.imports()));
        }
      }
    }
    services.removeAll(docks);
    Set<InetSocketAddress> needs = needs(settings, importing);
    Set<InetSocketAddress> importNeeds = new HashSet<>(needs);
    importNeeds.addAll(docks);
    Set<InetSocketAddress> exportOthers = new HashSet<>(services);
    exportOthers.addAll(docks);
    SiteId site = settings.site();
    return List.of(
        new SubnetExamination(site.provider() + ".VMExportSubnet")
            .examine(
                Conformance.Line.EXPORT_SUBNET.wire(),
                settings.exportSubnet(),
                needs(settings, exporting),
                exportOthers),
        new SubnetExamination(site.provider() + ".VMImportSubnet")
            .examine(
                Conformance.Line.IMPORT_SUBNET.wire(),
                settings.importSubnet(),
                importNeeds,
                services));
  }

  /** Its broker, its database, and where its customers' keys are. */
  private static Set<InetSocketAddress> needs(
      JoiningSite.Settings settings, Properties properties) {
    Set<InetSocketAddress> needs = new HashSet<>();
    Stream.of(properties.getProperty("kafka.bootstrap.servers", "").split(",", -1))
        .filter(server -> !server.isBlank())
        .map(JoiningSite::endpoint)
        .map(SiteExamining::address)
        .forEach(needs::add);
    String jdbc = properties.getProperty("datasources.default.url", "");
    if (jdbc.startsWith("jdbc:postgresql:")) {
      needs.add(address(URI.create(jdbc.substring("jdbc:".length()))));
    }
    needs.add(address(settings.realm().jwks()));
    return needs;
  }

  private static InetSocketAddress address(Endpoint endpoint) {
    return InetSocketAddress.createUnresolved(endpoint.host(), endpoint.port());
  }

  private static InetSocketAddress address(URI uri) {
    int port =
        uri.getPort() != -1
            ? uri.getPort()
            : switch (uri.getScheme()) {
              case "https" -> 443;
              case "postgresql" -> 5432;
              default -> 80;
            };
    return InetSocketAddress.createUnresolved(uri.getHost(), port);
  }
}
