package crossdock.launcher;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.launcher.Preflight.Endpoint;
import crossdock.providers.examination.SubnetExamination;
import crossdock.providers.kvm.Kvm;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the founding sites' VMExportSubnets and VMImportSubnets are on this host. In a namespace of
 * the former a site's export-service listens, and of the dock nothing but its way in; the dock and
 * the import-service stand in the latter.
 */
enum Subnets {
  /** Loopback addresses: everybody reaches everything. */
  LOOPBACK,
  /**
   * Network namespaces by these names, after the provider's and a dot, as {@code lab/kvm/up} makes
   * them; the core is in one more, and this program too.
   */
  NAMESPACES;

  /** One of each line between two sites. */
  static final List<String> ENDS_OF_LINES =
      Site.ALL.stream().map(site -> site.provider() + ".VMExportSubnet").toList();

  private static final String CORE = "10.71.0.1";

  /** What {@code CROSSDOCK_SUBNETS} says; loopback by default. */
  static Subnets here() {
    return switch (System.getenv().getOrDefault("CROSSDOCK_SUBNETS", "loopback")) {
      case "loopback" -> LOOPBACK;
      case "namespaces" -> NAMESPACES;
      case String other ->
          throw new Refusal(
              Refusal.CANNOT_START,
              "CROSSDOCK_SUBNETS must be loopback or namespaces, and not '" + other + "'.");
    };
  }

  /** The site's own in its VMExportSubnet. */
  String exporting(Site site) {
    return switch (this) {
      case LOOPBACK -> site.exportSubnet();
      case NAMESPACES -> numbered(site, 1);
    };
  }

  /** The site's own in its VMImportSubnet. */
  String importing(Site site) {
    return switch (this) {
      case LOOPBACK -> site.importSubnet();
      case NAMESPACES -> numbered(site, 2);
    };
  }

  private static String numbered(Site site, int host) {
    return "10.71.%d.%d".formatted(Site.ALL.indexOf(site) + 1, host);
  }

  /** Where a site's service listens, if others reach it at that address. */
  String listening(Services.Service service, Site site, String reached) {
    boolean exports = inside(service, site).equals("VMExportSubnet");
    return switch (this) {
      case LOOPBACK -> reached;
      // Who joins has places of its own.
      case NAMESPACES -> exports || !Site.ALL.contains(site) ? reached : importing(site);
    };
  }

  private static String inside(Services.Service service, Site site) {
    return service.equals(Services.of(site).getFirst()) ? "VMExportSubnet" : "VMImportSubnet";
  }

  /**
   * What the machines of sites with hypervisors are connected to: where there are namespaces, one
   * of the site's own, if the kernel filters what bridges pass.
   */
  Kvm.Networks machines() {
    boolean filters = Files.exists(Path.of("/proc/sys/net/bridge/bridge-nf-call-iptables"));
    return this == NAMESPACES && filters ? Kvm.Networks.BRIDGED : Kvm.Networks.ISOLATED;
  }

  /** From where others than loopback's come. */
  List<String> networks() {
    return switch (this) {
      case LOOPBACK -> List.of();
      case NAMESPACES -> List.of("10.71.0.0/16");
    };
  }

  /** What comes before the command line of a program that is to be where its service belongs. */
  List<String> enter(Services.Service service) {
    Site site = service.site();
    return switch (this) {
      case LOOPBACK -> List.of();
      case NAMESPACES ->
          site == null
              ? List.of()
              : List.of(
                  "nsenter",
                  "--net=/run/netns/" + site.provider() + "." + inside(service, site),
                  "--");
    };
  }

  /** Whether the address is this host's own, where this program is. */
  boolean local(Endpoint endpoint) {
    return this == LOOPBACK || endpoint.host().startsWith("127.");
  }

  /**
   * Tries all four with packets, while everything runs: what each needs answers from inside, and
   * nothing else does. None where there are no namespaces.
   */
  List<Check> examine(Ports ports) throws IOException {
    List<Check> checks = new ArrayList<>();
    if (this == LOOPBACK) {
      return checks;
    }
    Set<InetSocketAddress> all = new HashSet<>();
    Set<InetSocketAddress> core = new HashSet<>();
    for (Endpoint one : List.of(ports.postgres(), ports.kafka(), ports.keycloak())) {
      core.add(InetSocketAddress.createUnresolved(CORE, one.port()));
    }
    for (Services.Service service : Services.ALL) {
      all.add(InetSocketAddress.createUnresolved(CORE, ports.plain(service).port()));
      Site site = service.site();
      if (site != null) {
        all.add(socket(ports.mutual(service)));
        all.add(InetSocketAddress.createUnresolved(exporting(site), ports.plain(service).port()));
        all.add(InetSocketAddress.createUnresolved(importing(site), ports.plain(service).port()));
      }
    }
    for (Site site : Site.ALL) {
      checks.add(examined(site, "VMExportSubnet", exporting(site), core, all));
      Set<InetSocketAddress> needs = new HashSet<>(core);
      needs.add(socket(ports.mutual(Services.of(site).getFirst())));
      for (Site other : Site.ALL) {
        if (!other.equals(site)) {
          needs.add(socket(ports.mutual(Services.of(other).getLast())));
        }
      }
      checks.add(examined(site, "VMImportSubnet", importing(site), needs, all));
    }
    return checks;
  }

  /** Its own listeners answer whoever is inside with them. */
  private static Check examined(
      Site site,
      String subnet,
      String own,
      Set<InetSocketAddress> promised,
      Set<InetSocketAddress> all)
      throws IOException {
    Set<InetSocketAddress> others = new HashSet<>(all);
    others.removeIf(one -> one.getHostString().equals(own));
    String name = site.provider() + "." + subnet;
    return new SubnetExamination(name).examine(name, own, promised, others);
  }

  private static InetSocketAddress socket(Endpoint endpoint) {
    return InetSocketAddress.createUnresolved(endpoint.host(), endpoint.port());
  }

  /** Whether what the examination found is what was promised. */
  static boolean isolated(List<Check> checks) {
    return checks.stream().allMatch(check -> check.outcome() == Outcome.PASSED);
  }
}
