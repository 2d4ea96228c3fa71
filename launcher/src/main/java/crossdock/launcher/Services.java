package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The ten services, a line each, and the properties file that each is started with. */
final class Services {

  /**
   * @param module its directory
   * @param site where it belongs; the core where null
   */
  record Service(String name, String module, Party party, int offset, @Nullable Site site) {
    /** The one {@code Application} among its classes. */
    String main(Path home) throws IOException {
      Path classes = home.resolve(module).resolve("target/classes");
      try (Stream<Path> found =
          Files.find(classes, 3, (file, _) -> file.endsWith("Application.class"))) {
        String path =
            found
                .map(file -> classes.relativize(file).toString())
                .findFirst()
                .orElseThrow(
                    () ->
                        new Refusal(
                            Refusal.CANNOT_START,
                            module + " is not built: run ./mvnw -DskipTests package."));
        return path.substring(0, path.length() - ".class".length()).replace('/', '.');
      }
    }

    String url(Place place) {
      return "http://" + place.plain(this).address();
    }

    boolean imports() {
      return module.equals("import-service");
    }

    AotCache cache(Path home) {
      return AotCache.of(home.resolve(module).resolve("target"));
    }
  }

  static final List<Service> ALL = all();

  static Service named(String name) {
    return ALL.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
  }

  /** Where a service answers customers. */
  static String url(Place place, String name) {
    return named(name).url(place);
  }

  /** Who has a database. */
  static List<String> owners() {
    return Stream.concat(Stream.of("keycloak"), ALL.stream().map(Service::name)).toList();
  }

  private static List<Service> all() {
    List<Service> services = new ArrayList<>();
    int offset = 0;
    for (String core : KafkaTopics.CORE) {
      services.add(new Service(core, core, Party.core(core), offset++, null));
    }
    for (Site site : Site.ALL) {
      String name = site.provider() + "-";
      services.add(
          new Service(name + "export", "export-service", site.party(), site.offset(), site));
      services.add(
          new Service(name + "import", "import-service", site.party(), site.offset() + 1, site));
      services.add(
          new Service(
              name + "conversion", "conversion-service", site.dock(), site.offset() + 2, site));
    }
    return List.copyOf(services);
  }

  private final State state;
  private final Place place;
  private final Pki pki;
  private final TrustFile trust;
  private final Path home;
  private final String siteProvider;
  private final Scope scope;

  /**
   * @param siteProvider {@code library} or {@code kvm}
   */
  Services(
      State state,
      Place place,
      Pki pki,
      TrustFile trust,
      Path home,
      String siteProvider,
      Scope scope) {
    this.state = state;
    this.place = place;
    this.pki = pki;
    this.trust = trust;
    this.home = home;
    this.siteProvider = siteProvider;
    this.scope = scope;
  }

  Daemon prepare(Service service) throws IOException {
    Path directory = state.run(service.name());
    Path file = write(service);
    AotCache cache = service.cache(home);
    List<String> command = new ArrayList<>(List.of(Jvm.java()));
    command.addAll(cache.options(scope));
    command.addAll(options(service));
    command.add(state.temporary(service.name()));
    command.add("-Dmicronaut.config.files=" + file);
    command.addAll(List.of("-cp", cache.jars()));
    command.add(service.main(home));
    String health = service.url(place) + "/health/readiness";
    return new Daemon(
        service.name(),
        directory,
        command,
        FakeTime.environment(directory),
        Daemon.Signal.TERM,
        Duration.ofMinutes(5),
        scope.grace(),
        service.url(place),
        () -> Http.ok(health));
  }

  /** Writes what it is started with, and the keys and files that this names. */
  Path write(Service service) throws IOException {
    Path directory = state.run(service.name());
    Path file = directory.resolve("service.properties");
    Map<String, String> properties = properties(service, directory);
    properties.replaceAll((_, value) -> place.seen(value));
    State.write(file, text(properties));
    return file;
  }

  /** How its JVM is to run. */
  static List<String> options(Service service) {
    List<String> options = new ArrayList<>(List.of("-Xmx128m", "-XX:+UseSerialGC"));
    if (!service.module().equals("conversion-service")) {
      // Starts sooner and stays smaller. The dock hashes and deciphers, which only the last tier
      // does at full speed.
      options.add("-XX:TieredStopAtLevel=1");
    }
    options.add("--enable-native-access=ALL-UNNAMED");
    options.add("--sun-misc-unsafe-memory-access=allow");
    return options;
  }

  Map<String, String> properties(Service service, Path directory) {
    Map<String, String> p = new TreeMap<>();
    p.put("micronaut.application.name", service.module());
    p.put("micronaut.server.host", place.plain(service).host());
    p.put("micronaut.server.port", Integer.toString(place.plain(service).port()));
    p.put("datasources.default.url", Postgres.url(place, service.name()));
    p.put("datasources.default.username", Postgres.database(service.name()));
    p.put("datasources.default.password", Postgres.password(state, service.name()));
    p.put("kafka.bootstrap.servers", Kafka.bootstrap(place));
    pki.kafka(directory, service.party(), Authority.Use.CLIENT);
    Properties kafka = Kafka.client(directory);
    kafka.stringPropertyNames().forEach(k -> p.put("kafka." + k, kafka.getProperty(k)));
    p.put("kafka.health.restricted", "true");
    p.put("crossdock.party", service.party().urn());
    p.put("crossdock.trust.bundle", trust.file().toString());
    p.put("crossdock.trust.members", trust.members().toString());
    p.put("crossdock.operator.secret", state.secret("operator." + service.name()));
    p.put("crossdock.work", State.directory(directory.resolve("work")).toString());
    Site site = service.site();
    if (site == null) {
      core(p, service, directory);
    } else {
      site(p, service, directory, site);
    }
    return p;
  }

  private void core(Map<String, String> p, Service service, Path directory) {
    signing(p, directory, pki.core(), service.party());
    oidc(p, "crossdock.oidc.", Realms.BROKER, Realms.BROKER_AUDIENCE);
    if (service.module().equals("catalog")) {
      Path listing = directory.resolve("listing.json");
      State.write(listing, listing());
      p.put("crossdock.catalog.listing", listing.toString());
    }
    if (service.module().equals("billing")) {
      p.put("crossdock.billing.prices", sample("prices.json", directory));
    }
    if (service.module().equals("gateway")) {
      p.put("crossdock.identity.url", url(place, "identity-federation"));
      p.put("crossdock.partner.allowed", "127.0.0.1/32:" + place.published().receiver());
      String password = state.secret("tls." + service.name());
      pki.tls(directory, pki.core(), service.party(), password, place.plain(service).host());
      p.put("crossdock.tls.keystore", directory.resolve("key.p12").toString());
      p.put("crossdock.tls.truststore", directory.resolve("trust.p12").toString());
      p.put("crossdock.tls.password", password);
    }
    if (service.module().equals("identity-federation")) {
      Path realms = directory.resolve("providers.json");
      State.write(realms, realms());
      p.put("crossdock.identity.providers", realms.toString());
    }
  }

  /** Puts what we ship where the service reads it, unless somebody has put another there. */
  private static String sample(String name, Path directory) {
    Path file = directory.resolve(name);
    try (InputStream in = Services.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is not on the class path");
      }
      if (!Files.exists(file)) {
        State.write(file, in.readAllBytes());
      }
      return file.toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void site(Map<String, String> p, Service service, Path directory, Site site) {
    p.put("crossdock.site.provider", siteProvider);
    p.put("crossdock.site.formats", String.join(",", site.formats(siteProvider)));
    p.put("crossdock.site.root", state.site(site.provider()).toString());
    Preflight.Endpoint mutual = place.mutual(service);
    String password = state.secret("tls." + service.name());
    pki.tls(directory, pki.member(site.provider()), service.party(), password, mutual.host());
    String subnet = service.imports() ? "VMImportSubnet" : "VMExportSubnet";
    p.put("crossdock.subnet." + subnet, mutual.host());
    p.put("crossdock.tls.port", Integer.toString(mutual.port()));
    p.put("crossdock.tls.keystore", directory.resolve("key.p12").toString());
    p.put("crossdock.tls.truststore", directory.resolve("trust.p12").toString());
    p.put("crossdock.tls.password", password);
    // The process that parses hostile images gets no signing key and meets no customer.
    if (!service.module().equals("conversion-service")) {
      signing(p, directory, pki.member(site.provider()), service.party());
      oidc(p, "crossdock.oidc.", site.provider(), Realms.PROVIDER_AUDIENCE);
    }
  }

  private static void signing(
      Map<String, String> p, Path directory, Authority authority, Party party) {
    Pki.signing(directory, authority, party);
    p.put("crossdock.signing.key", directory.resolve("signing.key.pem").toString());
    p.put("crossdock.signing.certificate", directory.resolve("signing.pem").toString());
  }

  /** What the catalog knows of the sites: as shipped, with the formats that their adapters take. */
  private String listing() {
    try (InputStream in = Services.class.getResourceAsStream("listing.json")) {
      ArrayNode listing = (ArrayNode) new ObjectMapper().readTree(in);
      for (JsonNode entry : listing) {
        Site site =
            Site.ALL.stream()
                .filter(s -> s.id().equals(entry.path("site").asText()))
                .findFirst()
                .orElseThrow();
        ArrayNode formats = ((ObjectNode) entry).putArray("formats");
        site.formats(siteProvider).forEach(formats::add);
      }
      return listing.toPrettyString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where the providers' own realms are: what a link's token is checked by. */
  private String realms() {
    ArrayNode realms = JsonNodeFactory.instance.arrayNode();
    for (Site site : Site.ALL) {
      realms
          .addObject()
          .put("provider", site.provider())
          .put("issuer", Realms.issuer(place, site.provider()))
          .put("jwks", Realms.jwks(place, site.provider()))
          .put("audience", Realms.PROVIDER_AUDIENCE);
    }
    return realms.toPrettyString();
  }

  private void oidc(Map<String, String> p, String prefix, String realm, String audience) {
    p.put(prefix + "issuer", Realms.issuer(place, realm));
    p.put(prefix + "jwks", Realms.jwks(place, realm));
    p.put(prefix + "audience", audience);
  }

  private static String text(Map<String, String> map) throws IOException {
    Properties properties = new Properties();
    properties.putAll(map);
    StringWriter out = new StringWriter();
    properties.store(out, null);
    return out.toString();
  }
}
