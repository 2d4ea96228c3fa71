package crossdock.launcher;

import crossdock.contracts.SiteId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How the services of a site that joined are kept running: by systemd, or in containers. */
final class Units {
  /** What every container of the site has. */
  static final String COMPOSE =
      """
      # Written by ./crossdock site install. The image is built from the repository's Dockerfile.
      services:
      """;

  private Units() {}

  /**
   * @param guests whether its processes are customers' machines, too: these outlive a restart of
   *     the service
   */
  static String systemd(
      State state,
      Services.Service service,
      SiteId site,
      boolean guests,
      Path properties,
      Path home)
      throws IOException {
    AotCache cache = service.cache(home);
    List<String> command = new ArrayList<>(List.of(Jvm.java()));
    command.addAll(cache.options(Scope.ALL));
    command.addAll(Services.options(service));
    command.add(state.temporary(service.name()));
    command.add("-Dmicronaut.config.files=" + properties);
    command.addAll(List.of("-cp", cache.jars(), service.main(home)));
    return """
    [Unit]
    Description=Crossdock %1$s of %2$s
    Wants=network-online.target
    After=network-online.target

    [Service]
    User=%3$s
    ExecStart=%4$s
    Restart=always
    RestartSec=2
    NoNewPrivileges=true
    CapabilityBoundingSet=
    ProtectSystem=strict
    ProtectHome=read-only
    PrivateTmp=%6$b
    %7$s
    ReadWritePaths=%5$s

    [Install]
    WantedBy=multi-user.target
    """
        .formatted(
            service.module(),
            site,
            Files.getOwner(state.root()).getName(),
            command.stream().map(Units::quoted).collect(Collectors.joining(" ")),
            state.root(),
            // It hides all that is there.
            Stream.of(state.root(), home).noneMatch(Units::temporary),
            guests
                ? "DevicePolicy=closed\nDeviceAllow=/dev/kvm rw\nKillMode=process"
                : "PrivateDevices=true");
  }

  private static boolean temporary(Path path) {
    Path absolute = path.toAbsolutePath();
    return absolute.startsWith("/tmp") || absolute.startsWith("/var/tmp");
  }

  // systemd.service(5), "Command lines": quotes hold words together, and % and $ are its own.
  private static String quoted(String word) {
    String plain = word.replace("%", "%%").replace("$", "$$");
    return plain.contains(" ") ? "\"" + plain.replace("\"", "\\\"") + "\"" : plain;
  }

  static String compose(State state, Services.Service service, Path properties) throws IOException {
    Map<String, Object> owner = Files.readAttributes(state.root(), "unix:uid,gid");
    return """
      %1$s:
        image: ${CROSSDOCK_IMAGE:-crossdock/services}
        command: ["@%2$s"]
        environment: {MICRONAUT_CONFIG_FILES: "%3$s"}
        network_mode: host
        user: "%4$s:%5$s"
        read_only: true
        tmpfs: /tmp
        cap_drop: [ALL]
        security_opt: ["no-new-privileges:true"]
        restart: unless-stopped
        mem_limit: 512m
        healthcheck:
          test: [CMD, /opt/crossdock/healthy]
          interval: 10s
          timeout: 10s
          retries: 30
        volumes: ["%6$s:%6$s"]
    """
        .formatted(
            service.name(),
            service.module(),
            properties,
            owner.get("uid"),
            owner.get("gid"),
            state.root())
        .indent(2);
  }
}
