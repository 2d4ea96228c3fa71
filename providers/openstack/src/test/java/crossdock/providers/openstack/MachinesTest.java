package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openstack4j.core.transport.ObjectMapperSingleton;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.network.Port;
import org.openstack4j.openstack.compute.domain.NovaServer;
import org.openstack4j.openstack.networking.domain.NeutronPort;

/** By answers as Nova and Neutron give them (Compute API and Networking API v2.0 references). */
class MachinesTest {
  private static <T> T read(Class<T> type, String json) throws IOException {
    ObjectMapper mapper = ObjectMapperSingleton.getContext(type);
    return mapper.readerFor(type).readValue(json);
  }

  @Test
  void floatingAddressesAreThoseThatNovaCallsSo() throws IOException {
    Server server =
        read(
            NovaServer.class,
            """
            {"server": {"id": "s", "addresses": {
              "back": [
                {"addr": "10.9.0.7", "version": 4, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01"}],
              "lan": [
                {"addr": "10.8.0.7", "version": 4, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:02"},
                {"addr": "198.51.100.9", "version": 4, "OS-EXT-IPS:type": "floating", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:02"},
                {"addr": "198.51.100.12", "version": 4, "OS-EXT-IPS:type": "floating", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:02"}]}}}
            """);
    assertThat(Machines.floating(server)).isEqualTo("198.51.100.12,198.51.100.9");
    assertThat(Machines.floating(read(NovaServer.class, "{\"server\": {\"id\": \"s\"}}")))
        .isEmpty();
  }

  @Test
  void addressesThatAMachineTakesOverAreThoseThatItsPortsAllow() throws IOException {
    Port pairs =
        read(
            NeutronPort.class,
            """
            {"port": {"id": "p", "allowed_address_pairs": [
              {"ip_address": "10.8.0.100", "mac_address": "fa:16:3e:00:00:02"},
              {"ip_address": "10.8.64.0/24", "mac_address": "fa:16:3e:00:00:02"}]}}
            """);
    Port none = read(NeutronPort.class, "{\"port\": {\"id\": \"q\"}}");
    assertThat(Machines.takenOver(List.of(none, pairs, pairs)))
        .isEqualTo("10.8.0.100,10.8.64.0/24");
    assertThat(Machines.takenOver(List.of(none))).isEmpty();
  }
}
