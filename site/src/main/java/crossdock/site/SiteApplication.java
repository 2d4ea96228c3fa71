package crossdock.site;

import crossdock.chassis.TlsStores;
import io.micronaut.runtime.Micronaut;
import java.util.Map;

/**
 * Starts a service of a site: plain HTTP for customers and health, a listener with mutual TLS for
 * peers, in the import-service in the site's VMImportSubnet, in the others in its VMExportSubnet.
 */
public final class SiteApplication {
  private SiteApplication() {}

  /**
   * Starts it.
   *
   * @param role {@code source} or {@code target}: whose grants it keeps; {@code dock} for the
   *     conversion-service
   */
  public static void start(Class<?> application, String role, String... args) {
    Micronaut.build(args)
        .mainClass(application)
        .banner(false)
        .properties(
            Map.ofEntries(
                Map.entry("crossdock.role", role),
                Map.entry("micronaut.server.netty.listeners.plain.family", "tcp"),
                Map.entry(
                    "micronaut.server.netty.listeners.plain.host", "${micronaut.server.host}"),
                Map.entry(
                    "micronaut.server.netty.listeners.plain.port", "${micronaut.server.port}"),
                Map.entry("micronaut.server.netty.listeners.mutual.family", "tcp"),
                Map.entry(
                    "micronaut.server.netty.listeners.mutual.host",
                    role.equals("target")
                        ? "${crossdock.subnet.VMImportSubnet}"
                        : "${crossdock.subnet.VMExportSubnet}"),
                Map.entry("micronaut.server.netty.listeners.mutual.port", "${crossdock.tls.port}"),
                Map.entry("micronaut.server.netty.listeners.mutual.ssl", "true"),
                Map.entry("micronaut.server.ssl.enabled", "true"),
                Map.entry("micronaut.server.ssl.client-authentication", "need"),
                Map.entry("micronaut.server.ssl.protocols", "TLSv1.3"),
                Map.entry("micronaut.server.netty.listeners.mutual.key-name", TlsStores.NAME),
                Map.entry("micronaut.server.netty.listeners.mutual.trust-name", TlsStores.NAME)))
        .start();
  }
}
