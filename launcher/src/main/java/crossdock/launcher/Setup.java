package crossdock.launcher;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * What every service is started with, and all of it for a site's: properties, and the keys and
 * files that they name.
 *
 * @param bundle what the members signed
 * @param members whom it is to believe that of
 * @param sites the adapter of {@link Site#adapter}
 */
record Setup(State state, SitePlace place, Keys keys, Path bundle, Path members, String sites) {

  Path write(Services.Service service, Map<String, String> properties) throws IOException {
    Path file = state.run(service.name()).resolve("service.properties");
    properties.replaceAll((_, value) -> place.seen(value));
    Properties all = new Properties();
    all.putAll(properties);
    StringWriter out = new StringWriter();
    all.store(out, null);
    State.write(file, out.toString());
    return file;
  }

  Map<String, String> properties(Services.Service service, Path directory) {
    Map<String, String> p = new TreeMap<>();
    p.put("micronaut.application.name", service.module());
    p.put("micronaut.server.host", place.plain(service).host());
    p.put("micronaut.server.port", Integer.toString(place.plain(service).port()));
    p.put("datasources.default.url", Postgres.url(place, service.name()));
    p.put("datasources.default.username", Postgres.database(service.name()));
    p.put("datasources.default.password", Postgres.password(state, service.name()));
    p.put("kafka.bootstrap.servers", Kafka.bootstrap(place));
    keys.kafka(directory, service.party());
    Properties kafka = Kafka.client(directory);
    kafka.stringPropertyNames().forEach(k -> p.put("kafka." + k, kafka.getProperty(k)));
    p.put("kafka.health.restricted", "true");
    p.put("crossdock.party", service.party().urn());
    p.put("crossdock.trust.bundle", bundle.toString());
    p.put("crossdock.trust.members", members.toString());
    p.put("crossdock.operator.secret", state.secret("operator." + service.name()));
    p.put("crossdock.work", State.directory(directory.resolve("work")).toString());
    Site site = service.site();
    if (site != null) {
      site(p, service, directory, site);
    }
    return p;
  }

  private void site(Map<String, String> p, Services.Service service, Path directory, Site site) {
    String adapter = site.adapter(sites);
    p.put("crossdock.site.provider", adapter);
    p.put("crossdock.site.formats", String.join(",", site.formats(adapter)));
    p.put("crossdock.site.root", state.site(site.provider()).toString());
    p.put("crossdock.kvm.networks", Subnets.here().machines().name().toLowerCase(Locale.ROOT));
    Preflight.Endpoint mutual = place.mutual(service);
    String password = state.secret("tls." + service.name());
    Authority authority = keys.member(site.provider());
    Pki.tls(directory, authority, service.party(), password, mutual.host());
    String subnet = service.imports() ? "VMImportSubnet" : "VMExportSubnet";
    p.put("crossdock.subnet." + subnet, Subnets.here().listening(service, site, mutual.host()));
    p.put("crossdock.tls.port", Integer.toString(mutual.port()));
    p.put("crossdock.tls.keystore", directory.resolve("key.p12").toString());
    p.put("crossdock.tls.password", password);
    p.put("crossdock.dock.secret", state.secret("dock." + site.provider()));
    if (adapting()) {
      Cargo.program(Cargo.GUESTFISH)
          .ifPresent(guestfish -> p.put("crossdock.guestfs.program", guestfish.toString()));
      p.put("crossdock.guestfs.settings", "force_tcg"); // as the sites' own guests run
    }
    // The process that parses hostile images gets no signing key and meets no customer.
    if (!service.module().equals("conversion-service")) {
      if (adapter.equals("openstack")) {
        Path account = directory.resolve("account.json");
        State.write(account, state.accountOf(site.provider()));
        p.put("crossdock.openstack.account", account.toString());
      }
      signing(p, directory, authority, service.party());
      oidc(p, site.provider(), Realms.PROVIDER_AUDIENCE);
      Path policy = directory.resolve("policy.json");
      State.write(policy, Json.bytes(state.policyOf(site.provider())));
      p.put("crossdock.policy", policy.toString());
      p.put("crossdock.export.looks-into-guests", Boolean.toString(adapting()));
      if (service.imports()) {
        Path listing = directory.resolve("listing.json");
        State.write(listing, Json.bytes(listing(site, adapter)));
        p.put("crossdock.site.listing", listing.toString());
      }
    }
  }

  private boolean adapting() {
    return sites.equals(Site.ADAPTING);
  }

  /** What the site has put there or, of a founding one, what is shipped with it. */
  private Listing listing(Site site, String adapter) {
    Path own = state.listing(site.provider());
    try {
      if (Files.exists(own)) {
        return Json.read(Files.readAllBytes(own), Listing.class);
      }
      try (InputStream in =
          Setup.class.getResourceAsStream("listing-" + site.provider() + ".json")) {
        if (in == null) {
          throw new Refusal(Refusal.CANNOT_START, site.id() + " has no listing: " + own);
        }
        ObjectNode shipped = Json.read(in.readAllBytes(), ObjectNode.class);
        ArrayNode formats = shipped.putArray("formats");
        site.formats(adapter).forEach(formats::add);
        if (adapting()) {
          ArrayNode ways = shipped.withObject("traits").putArray(Adaptation.TRAIT);
          Arrays.stream(Adaptation.Kind.values()).map(Adaptation.Kind::wire).forEach(ways::add);
        }
        return Json.read(Json.bytes(shipped), Listing.class);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void signing(Map<String, String> p, Path directory, Authority authority, Party party) {
    Pki.signing(directory, authority, party);
    p.put("crossdock.signing.key", directory.resolve("signing.key.pem").toString());
    p.put("crossdock.signing.certificate", directory.resolve("signing.pem").toString());
  }

  void oidc(Map<String, String> p, String realm, String audience) {
    p.put("crossdock.oidc.issuer", place.issuer(realm));
    p.put("crossdock.oidc.jwks", place.jwks(realm));
    p.put("crossdock.oidc.audience", audience);
  }
}
