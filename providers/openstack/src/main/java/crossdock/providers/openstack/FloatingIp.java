package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.openstack4j.model.network.Port;

/**
 * An address of an external network that a router translates to a port's own (Networking API v2.0,
 * "Floating IPs").
 *
 * @param network the external network's id
 * @param port what it leads to; empty where it leads nowhere
 * @param description what it was made for, in its maker's words
 */
record FloatingIp(String id, String address, String network, String port, String description) {
  private static final Pattern OURS = Pattern.compile("crossdock-.+-public-[0-9]{2}");

  static FloatingIp of(JsonNode said) {
    return new FloatingIp(
        said.path("id").asText(),
        said.path("floating_ip_address").asText(),
        said.path("floating_network_id").asText(),
        said.path("port_id").asText(""),
        said.path("description").asText());
  }

  /** What describes the one that is made for a machine's card. */
  static String description(String prefix, int index) {
    return prefix + "public-%02d".formatted(index);
  }

  /** Whether it was made with a machine that came in. */
  boolean isOurs() {
    return OURS.matcher(description).matches();
  }

  /** Those of some ports, in the order of their texts. */
  static List<FloatingIp> of(List<? extends Port> ports, List<FloatingIp> all) {
    return all.stream()
        .filter(one -> ports.stream().anyMatch(port -> Objects.equals(port.getId(), one.port)))
        .sorted(Comparator.comparing(FloatingIp::address))
        .toList();
  }
}
