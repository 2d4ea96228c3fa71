package crossdock.launcher;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Policy;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import crossdock.launcher.Preflight.Endpoint;
import crossdock.providers.openstack.Account;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * At a provider's own place: makes its keys and its application, and from the answer everything
 * that its three services are started with. No private key leaves the directory.
 */
@Command(
    name = "site",
    description = "Prepares and installs the site of a provider that joins.",
    subcommands = {JoiningSite.Init.class, JoiningSite.Install.class, SiteExamining.class})
final class JoiningSite implements Runnable {
  @Override
  public void run() {
    throw new Refusal(Refusal.CANNOT_START, "Which? init, install or examine.");
  }

  /**
   * Where the site is; kept between {@code init} and {@code install}.
   *
   * @param listen where its customers find it
   * @param ports the first of eight: export, import and conversion for customers and health, and
   *     five above each for other parties
   */
  record Settings(
      @JsonProperty("site") SiteId site,
      @JsonProperty("listen") String listen,
      @JsonProperty("exportSubnet") String exportSubnet,
      @JsonProperty("importSubnet") String importSubnet,
      @JsonProperty("ports") int ports,
      @JsonProperty("realm") TrustBundle.Realm realm,
      @JsonProperty("adapter") String adapter,
      @JsonProperty("formats") List<String> formats) {

    Site local() {
      return new Site(site.provider(), site.region(), exportSubnet, importSubnet, 0, List.of());
    }

    URI mutual(Services.Service service) {
      return URI.create("https://" + endpoint(service).address());
    }

    Endpoint endpoint(Services.Service service) {
      String host = service.imports() ? importSubnet : exportSubnet;
      return new Endpoint(host, ports + service.offset() + 5);
    }
  }

  /** What is around a site that is not on the core's machine. */
  record Elsewhere(Settings settings, Endpoint postgres, Endpoint kafka) implements SitePlace {
    @Override
    public Endpoint plain(Services.Service service) {
      return new Endpoint(settings.listen(), settings.ports() + service.offset());
    }

    @Override
    public Endpoint mutual(Services.Service service) {
      return settings.endpoint(service);
    }

    @Override
    public String issuer(String realm) {
      return settings.realm().issuer();
    }

    @Override
    public String jwks(String realm) {
      return settings.realm().jwks().toString();
    }

    @Override
    public String seen(String text) {
      return text;
    }
  }

  /** Its own authority, and what the core certified for the broker. */
  record Own(Path directory, Authority authority, Welcome welcome, String core) implements Keys {
    @Override
    public void kafka(Path into, Party party) {
      String of = party.principal().endsWith(".dock") ? Application.DOCK : Application.SITE;
      try {
        String key = Files.readString(directory.resolve(of + ".key.pem"));
        State.write(into.resolve("kafka.pem"), key + welcome.certificates().get(of));
        State.write(into.resolve("kafka-trust.pem"), core);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public Authority member(String provider) {
      return authority;
    }
  }

  /** {@code SHA-256} of a certificate, as it is compared over another way than it came. */
  static String pin(X509Certificate certificate) {
    try {
      return Sha256.of(certificate.getEncoded()).hex();
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException(e);
    }
  }

  @Command(name = "init", description = "Makes the site's keys and its application.")
  static final class Init implements Callable<Integer> {
    @Option(names = "--directory", required = true, description = "Where everything of it is kept.")
    Path directory = Path.of("");

    @Option(names = "--site", required = true, description = "provider:region")
    String site = "";

    @Option(
        names = "--listing",
        required = true,
        description = "What the site offers, and publishes.")
    Path listing = Path.of("");

    @Option(
        names = "--prices",
        required = true,
        description = "What it costs to export and import.")
    Path prices = Path.of("");

    @Option(names = "--export-subnet", required = true, description = "Address in VMExportSubnet.")
    String exportSubnet = "";

    @Option(names = "--import-subnet", required = true, description = "Address in VMImportSubnet.")
    String importSubnet = "";

    @Option(names = "--listen", defaultValue = "127.0.0.1", description = "For customers.")
    String listen = "";

    @Option(names = "--ports", defaultValue = "19000", description = "The first of eight.")
    int ports;

    @Option(names = "--issuer", required = true, description = "Of your customers' tokens.")
    String issuer = "";

    @Option(names = "--jwks", required = true, description = "Where the issuer's keys are.")
    URI jwks = URI.create("");

    @Option(
        names = "--adapter",
        defaultValue = "library",
        description = "library, kvm or openstack.")
    String adapter = "";

    @Option(
        names = "--account",
        description = "What the adapter is in an OpenStack: keystone, user, password, domain.")
    Optional<Path> account = Optional.empty();

    @Option(names = "--policy", description = "What it demands; the standard policy without.")
    Optional<Path> policy = Optional.empty();

    @Override
    public Integer call() throws IOException {
      try {
        SiteId id = SiteId.parse(site);
        ObjectNode offered = Json.read(Files.readAllBytes(listing), ObjectNode.class);
        offered.put("site", id.toString());
        Listing listed = Json.read(Json.bytes(offered), Listing.class);
        Settings settings =
            new Settings(
                id,
                listen,
                exportSubnet,
                importSubnet,
                ports,
                new TrustBundle.Realm(issuer, jwks, Realms.LINK_AUDIENCE),
                adapter,
                listed.formats());
        List<JsonNode> own = new ArrayList<>();
        for (JsonNode price : Json.read(Files.readAllBytes(prices), JsonNode[].class)) {
          own.add(((ObjectNode) price).put("party", Party.site(id).urn()));
        }
        State state = new State(directory);
        State.write(state.listing(id.provider()), Json.bytes(listed));
        if (account.isPresent()) {
          Account read = Json.read(Files.readAllBytes(account.get()), Account.class);
          State.write(state.account(id.provider()), Json.bytes(read));
        } else if (adapter.equals("openstack")) {
          throw new Refused("an OpenStack needs --account");
        }
        if (policy.isPresent()) {
          Policy read = Json.read(Files.readAllBytes(policy.get()), Policy.class);
          State.write(state.policy(id.provider()), Json.bytes(read));
        }
        Path file = apply(state, settings, own);
        System.out.println("The application of " + id + " is " + file + "; send it to the core.");
        return 0;
      } catch (Refused e) {
        throw new Refusal(Refusal.CANNOT_START, "It cannot be so: " + e.getMessage());
      }
    }

    private static Path apply(State state, Settings settings, List<JsonNode> prices) {
      State.directory(state.root());
      SiteId id = settings.site();
      Authority authority = authority(state, id);
      List<Services.Service> services = Services.of(settings.local());
      TrustBundle.Member member =
          new TrustBundle.Member(
              id.provider(),
              authority.certificatePem(),
              List.of(
                  new TrustBundle.Site(
                      new crossdock.contracts.Party.Site(id),
                      TrustBundle.SiteClass.PROVIDER,
                      settings.mutual(services.get(0)),
                      settings.mutual(services.get(1)),
                      settings.mutual(services.get(2)))),
              Optional.of(settings.realm()),
              state.policyOf(id.provider()).digest());
      Map<String, String> requests =
          Map.of(
              Application.SITE, request(state, Application.SITE, Party.site(id)),
              Application.DOCK, request(state, Application.DOCK, Party.dock(id)));
      Application application = new Application(member, prices, requests);
      State.write(state.root().resolve("site.json"), Json.bytes(settings));
      Path file = state.root().resolve("application.json");
      SigningKey key = SigningKey.of(authority.key(), authority.certificate());
      State.write(file, Json.bytes(key.sign(Application.PAYLOAD_TYPE, Json.bytes(application))));
      return file;
    }

    private static String request(State state, String of, Party party) {
      KeyPair pair = Authority.newKey();
      try {
        String request =
            Authority.pem(
                "CERTIFICATE REQUEST",
                new JcaPKCS10CertificationRequestBuilder(
                        new X500Name("CN=" + party.principal()), pair.getPublic())
                    .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()))
                    .getEncoded());
        State.write(
            broker(state).resolve(of + ".key.pem"),
            Authority.pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
        return request;
      } catch (IOException | OperatorCreationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Command(name = "install", description = "Writes what the site's services are started with.")
  static final class Install implements Callable<Integer> {
    @Option(names = "--directory", required = true, description = "As for init.")
    Path directory = Path.of("");

    @Option(names = "--welcome", required = true, description = "What the core answered.")
    Path welcome = Path.of("");

    @Option(
        names = "--pin",
        required = true,
        split = ",",
        description = "SHA-256 of each founding member's CA, from that member itself.")
    Set<String> pins = new HashSet<>();

    @Option(names = "--postgres", defaultValue = "127.0.0.1:5432", description = "host:port")
    String postgres = "";

    @Override
    public Integer call() throws IOException {
      State state = new State(directory);
      try {
        Settings settings =
            Json.read(Files.readAllBytes(state.root().resolve("site.json")), Settings.class);
        Welcome answer = Json.read(Files.readAllBytes(welcome), Welcome.class);
        TrustBundle trust = trusted(state, settings, answer);
        install(state, settings, answer, trust.core().ca());
      } catch (Refused e) {
        throw new Refusal(Refusal.CANNOT_START, "The answer is refused: " + e.getMessage());
      }
      return 0;
    }

    /** Believes the answer as far as the founding members' own words carry it. */
    private TrustBundle trusted(State state, Settings settings, Welcome answer) {
      List<X509Certificate> founders = new ArrayList<>();
      Set<String> shown = new HashSet<>();
      for (String pem : answer.members().values()) {
        X509Certificate founder = founder(pem);
        founders.add(founder);
        shown.add(pin(founder));
      }
      if (!shown.equals(pins)) {
        throw new Refused("its founding members are not those of --pin: " + shown);
      }
      TrustBundle bundle =
          TrustBundle.accept(answer.bundle(), founders, 0, Clock.systemUTC().instant());
      String own = authority(state, settings.site()).certificatePem();
      boolean listed =
          bundle.present().stream()
              .filter(member -> member.provider().equals(settings.site().provider()))
              .anyMatch(member -> member.ca().equals(own));
      if (!listed) {
        throw new Refused("the members did not sign our own entry");
      }
      return bundle;
    }

    private static X509Certificate founder(String pem) {
      try {
        return Authority.certificate(pem);
      } catch (CertificateException e) {
        throw new Refused("a founding member without a certificate", e);
      }
    }

    private void install(State state, Settings settings, Welcome answer, String core)
        throws IOException {
      Path trust = State.directory(state.root().resolve("trust"));
      Path bundle = trust.resolve("bundle.json");
      Path members = State.directory(trust.resolve("members"));
      answer
          .members()
          .forEach(
              (provider, pem) ->
                  State.write(
                      members.resolve(new SiteId(provider, "any").provider() + ".pem"), pem));
      State.write(bundle, Json.bytes(answer.bundle()));
      SitePlace place = new Elsewhere(settings, endpoint(postgres), endpoint(answer.kafka()));
      Keys keys = new Own(broker(state), authority(state, settings.site()), answer, core);
      Setup setup = new Setup(state, place, keys, bundle, members, settings.adapter());
      List<Services.Service> services = Services.of(settings.local());
      Path units = State.directory(state.root().resolve("systemd"));
      StringBuilder compose = new StringBuilder(Units.COMPOSE);
      for (Services.Service service : services) {
        Map<String, String> properties = setup.properties(service, state.run(service.name()));
        properties.put("crossdock.site.formats", String.join(",", settings.formats()));
        if (service.imports()) {
          Path report = state.root().resolve("conformance.json");
          properties.put("crossdock.site.conformance", report.toString());
        }
        Path file = setup.write(service, properties);
        State.write(
            units.resolve("crossdock-" + service.name() + ".service"),
            Units.systemd(
                state,
                service,
                settings.site(),
                settings.adapter().equals("kvm"),
                file,
                Launcher.home()));
        compose.append(Units.compose(state, service, file));
      }
      State.write(state.root().resolve("compose.yml"), compose.toString());
      State.write(
          state.root().resolve("postgres.sql"),
          Postgres.script(state, services.stream().map(Services.Service::name).toList()));
      System.out.printf(
          "Installed in %s. Next: psql -f postgres.sql as its administrator; then the units in"
              + " systemd/, or docker compose -f compose.yml up -d.%n",
          state.root());
    }
  }

  static Endpoint endpoint(String address) {
    int colon = address.lastIndexOf(':');
    try {
      int port = Integer.parseInt(address.substring(colon + 1));
      if (colon > 0 && port > 0 && port < 65_536) {
        return new Endpoint(address.substring(0, colon), port);
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new Refused("no host:port: " + address);
  }

  private static Authority authority(State state, SiteId site) {
    return Authority.open(
        state.pki(site.provider()), "crossdock " + site.provider(), Clock.systemUTC());
  }

  private static Path broker(State state) {
    return state.pki("broker");
  }
}
