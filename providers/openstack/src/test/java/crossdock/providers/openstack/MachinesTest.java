package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.ObjectMapper;
import crossdock.contracts.Machine;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openstack4j.core.transport.ObjectMapperSingleton;
import org.openstack4j.model.network.Port;
import org.openstack4j.openstack.networking.domain.NeutronPort;

/** By answers as Nova and Neutron give them (Compute API and Networking API v2.0 references). */
class MachinesTest {
  private static <T> T read(Class<T> type, String json) throws IOException {
    ObjectMapper mapper = ObjectMapperSingleton.getContext(type);
    return mapper.readerFor(type).readValue(json);
  }

  @Test
  void floatingAddressesAreThoseThatLeadToAPort() throws IOException {
    List<FloatingIp> all =
        List.of(
            floating("198.51.100.9", "\"p\"", "the customer's"),
            floating("198.51.100.12", "\"p\"", "crossdock-m-1-target-1-public-00"),
            floating("198.51.100.7", "\"q\"", ""),
            floating("198.51.100.8", "null", "crossdock-m-2-target-1-public-00"));
    Port port = read(NeutronPort.class, "{\"port\": {\"id\": \"p\"}}");
    assertThat(FloatingIp.of(List.of(port), all))
        .extracting(FloatingIp::address, FloatingIp::isOurs)
        .containsExactly(tuple("198.51.100.12", true), tuple("198.51.100.9", false));
    assertThat(FloatingIp.of(List.of(), all)).isEmpty();
  }

  private static FloatingIp floating(String address, String port, String description)
      throws IOException {
    return FloatingIp.of(
        new ObjectMapper()
            .readTree(
                """
                {"id": "f-%s", "floating_ip_address": "%s", "floating_network_id": "outside",
                 "port_id": %s, "description": "%s"}
                """
                    .formatted(address, address, port, description)));
  }

  @Test
  void addressesThatACardIsAllowedAreThoseThatItsPortAllows() throws IOException {
    Port pairs =
        read(
            NeutronPort.class,
            """
            {"port": {"id": "p", "mac_address": "fa:16:3e:00:00:02", "allowed_address_pairs": [
              {"ip_address": "10.8.0.100", "mac_address": "00-00-5E-00-01-07"},
              {"ip_address": "10.8.0.101", "mac_address": "0000.5e00.0108"},
              {"ip_address": "10.8.0.102", "mac_address": "0:0:5e:0:1:9"},
              {"ip_address": "10.8.64.7/24", "mac_address": "fa:16:3e:00:00:02"}]}}
            """);
    Port none = read(NeutronPort.class, "{\"port\": {\"id\": \"q\"}}");
    Port any =
        read(NeutronPort.class, "{\"port\": {\"id\": \"r\", \"port_security_enabled\": false}}");
    assertThat(Machines.allowed(pairs))
        .extracting(Machine.AllowedAddress::toString)
        .containsExactlyInAnyOrder(
            "10.8.0.100/32 by 00:00:5e:00:01:07",
            "10.8.0.101/32 by 00:00:5e:00:01:08",
            "10.8.0.102/32 by 00:00:5e:00:01:09",
            "10.8.64.0/24 by fa:16:3e:00:00:02");
    assertThat(Machines.allowed(none)).isEmpty();
    assertThat(Machines.allowed(any))
        .extracting(Machine.AllowedAddress::toString)
        .containsExactly("0.0.0.0/0", "::/0");
  }
}
