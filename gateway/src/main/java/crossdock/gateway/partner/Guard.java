package crossdock.gateway.partner;

import crossdock.chassis.Problem;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whom the gateway may call on a partner's word: public addresses at port 443 by https, and what
 * the operator lists. A name is resolved once for each call, all its addresses are looked at, and
 * the call goes to one of those, so that no second answer of a name server counts. Thread-safe.
 */
@Singleton
final class Guard {
  private static final Logger AUDIT = LoggerFactory.getLogger("crossdock.audit");
  private static final int LONGEST = 2048;
  private static final int HTTPS = 443;
  private static final long LOOKUP_SECONDS = 5;

  /** Of IPv6, everything else is not (yet) given to anybody, is local, or hides an IPv4 address. */
  private static final Network GLOBAL_UNICAST = Network.parse("2000::/3");

  /** What the IANA registers as not for everybody, and what clouds answer machines on. */
  private static final List<Network> NOT_PUBLIC =
      Stream.of(
              "0.0.0.0/8", // this network
              "10.0.0.0/8", // private
              "100.64.0.0/10", // behind a carrier's NAT
              "127.0.0.0/8", // loopback
              "168.63.129.16/32", // Azure's host, from within
              "169.254.0.0/16", // link-local, metadata of most clouds
              "172.16.0.0/12", // private
              "192.0.0.0/24", // protocol assignments
              "192.0.2.0/24", // documentation
              "192.88.99.0/24", // 6to4 relays
              "192.168.0.0/16", // private
              "198.18.0.0/15", // benchmarks
              "198.51.100.0/24", // documentation
              "203.0.113.0/24", // documentation
              "224.0.0.0/4", // multicast
              "240.0.0.0/4", // reserved, broadcast
              "2001::/23", // protocol assignments, Teredo, benchmarks
              "2001:db8::/32", // documentation
              "2002::/16", // 6to4
              "3fff::/20") // documentation
          .map(Network::parse)
          .toList();

  /** How names become addresses. */
  @FunctionalInterface
  interface Resolver {
    InetAddress[] addresses(String host) throws UnknownHostException;
  }

  private record Listed(Network network, Optional<Integer> port) {
    static Listed parse(String text) {
      int colon = text.indexOf(':', text.indexOf('/'));
      return colon < 0
          ? new Listed(Network.parse(text), Optional.empty())
          : new Listed(
              Network.parse(text.substring(0, colon)),
              Optional.of(Integer.valueOf(text.substring(colon + 1))));
    }

    boolean covers(InetAddress address, int at) {
      return network.contains(address) && port.filter(only -> only != at).isEmpty();
    }
  }

  private final List<Listed> allowed;
  private final Resolver resolver;

  /**
   * @param allowed what may be called besides, each a network and, if not all are meant, a port:
   *     {@code 10.1.0.0/16:8443}
   */
  @Inject
  Guard(@Value("${crossdock.partner.allowed:}") List<String> allowed) {
    this(allowed, Guard::lookUp);
  }

  Guard(List<String> allowed, Resolver resolver) {
    this.allowed = allowed.stream().filter(s -> !s.isBlank()).map(Listed::parse).toList();
    this.resolver = resolver;
  }

  /**
   * Reads an address to call.
   *
   * @throws Refused if it is none, or has a user or a fragment
   */
  static URI url(String text) {
    try {
      URI url = new URI(text);
      boolean web = "https".equals(url.getScheme()) || "http".equals(url.getScheme());
      if (web
          && url.getHost() != null
          && url.getRawUserInfo() == null
          && url.getRawFragment() == null
          && port(url) > 0
          && port(url) < 1 << 16
          && text.length() <= LONGEST
          && url.toASCIIString().equals(text)) {
        return url;
      }
    } catch (URISyntaxException e) {
      throw new Refused("the url is none", e);
    }
    throw new Refused(
        "the url is https://host/path in ASCII, without user and fragment, of at most "
            + LONGEST
            + " characters");
  }

  /** The port that is called. */
  static int port(URI url) {
    boolean http = "http".equals(url.getScheme());
    return url.getPort() >= 0 ? url.getPort() : http ? 80 : HTTPS;
  }

  /** The host as name servers and certificates know it. */
  static String host(URI url) {
    String host = url.getHost();
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  /**
   * The addresses of the host, all of which may be called.
   *
   * @throws Problem.Thrown ADDRESS_REFUSED if one of them may not, or there is none: it does not
   *     say which, since that would let partners ask our name servers
   */
  List<InetAddress> addresses(URI url) {
    List<InetAddress> addresses;
    try {
      addresses = List.of(resolver.addresses(host(url)));
    } catch (UnknownHostException e) {
      addresses = List.of();
    }
    if (addresses.isEmpty() || !addresses.stream().allMatch(address -> may(url, address))) {
      AUDIT.warn("{} is not called: it has the addresses {}", url.getHost(), addresses);
      throw Problem.ADDRESS_REFUSED.because(
          "only https to port 443 of a host all of whose addresses are public, or what the operator"
              + " lists, is called");
    }
    return addresses;
  }

  /**
   * Blocks a thread of its own, in native code: it would take a virtual one's carrier, and a name
   * server that never answers those of everybody.
   */
  private static InetAddress[] lookUp(String host) throws UnknownHostException {
    CompletableFuture<InetAddress[]> found = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("lookup")
        .start(
            () -> {
              try {
                found.complete(InetAddress.getAllByName(host));
              } catch (UnknownHostException e) {
                found.completeExceptionally(e);
              }
            });
    try {
      return found.get(LOOKUP_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      AUDIT.info("{} does not resolve: {}", host, e.toString());
    }
    throw new UnknownHostException(host);
  }

  private boolean may(URI url, InetAddress address) {
    int port = port(url);
    boolean open = "https".equals(url.getScheme()) && port == HTTPS && isPublic(address);
    return open || allowed.stream().anyMatch(listed -> listed.covers(address, port));
  }

  static boolean isPublic(InetAddress address) {
    return (address.getAddress().length == 4 || GLOBAL_UNICAST.contains(address))
        && NOT_PUBLIC.stream().noneMatch(network -> network.contains(address));
  }
}
