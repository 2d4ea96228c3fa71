package crossdock.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
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

    String url(SitePlace place) {
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
    Site.ALL.forEach(site -> services.addAll(of(site)));
    return List.copyOf(services);
  }

  /** The three of a site. */
  static List<Service> of(Site site) {
    String name = site.provider() + "-";
    return List.of(
        new Service(name + "export", "export-service", site.party(), site.offset(), site),
        new Service(name + "import", "import-service", site.party(), site.offset() + 1, site),
        new Service(
            name + "conversion", "conversion-service", site.dock(), site.offset() + 2, site));
  }

  private final State state;
  private final Place place;
  private final Pki pki;
  private final Setup setup;
  private final Path home;
  private final Scope scope;

  /**
   * @param siteProvider {@code library}, {@code kvm} or {@code openstack}
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
    this.setup = new Setup(state, place, pki, trust.file(), trust.members(), siteProvider);
    this.home = home;
    this.scope = scope;
  }

  Daemon prepare(Service service) throws IOException {
    Path directory = state.run(service.name());
    Path file = write(service);
    AotCache cache = service.cache(home);
    List<String> command = new ArrayList<>(Subnets.here().enter(service));
    command.add(Jvm.java());
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
    return setup.write(service, properties(service, state.run(service.name())));
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
    Map<String, String> p = setup.properties(service, directory);
    if (service.site() == null) {
      core(p, service, directory);
    }
    return p;
  }

  private void core(Map<String, String> p, Service service, Path directory) {
    Setup.signing(p, directory, pki.core(), service.party());
    setup.oidc(p, Realms.BROKER, Realms.BROKER_AUDIENCE);
    if (service.module().equals("catalog")) {
      p.put("crossdock.billing.url", url(place, "billing"));
      // Who founds it knows who takes part; who joins shows what it lists.
      p.put(
          "crossdock.catalog.unexamined",
          Site.ALL.stream().map(Site::provider).collect(Collectors.joining(",")));
    }
    if (service.module().equals("billing")) {
      p.put("crossdock.billing.prices", sample("prices.json", directory));
    }
    if (service.module().equals("gateway")) {
      p.put("crossdock.identity.url", url(place, "identity-federation"));
      p.put("crossdock.catalog.url", url(place, "catalog"));
      p.put("crossdock.partner.allowed", "127.0.0.1/32:" + place.published().receiver());
      String password = state.secret("tls." + service.name());
      Pki.tls(directory, pki.core(), service.party(), password, place.plain(service).host());
      p.put("crossdock.tls.keystore", directory.resolve("key.p12").toString());
      p.put("crossdock.tls.password", password);
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
}
