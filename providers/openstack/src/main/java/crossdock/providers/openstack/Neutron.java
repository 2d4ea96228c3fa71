package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Reason;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.openstack4j.api.exceptions.ResponseException;
import org.openstack4j.model.network.Network;
import org.openstack4j.model.network.Port;
import org.openstack4j.model.network.SecurityGroup;
import org.openstack4j.model.network.Subnet;
import org.openstack4j.model.network.options.PortListOptions;

/** The calls to Neutron in one project. Thread-safe. */
record Neutron(Session session) {
  Optional<Network> network(String network) throws IOException {
    return session.found(() -> session.client().networking().network().get(network));
  }

  /**
   * The network of that name: the project's own, or the only one that is shared with it. Anybody
   * may share one of any name.
   */
  Optional<Network> networkNamed(String name) throws IOException {
    List<Network> shared = new ArrayList<>();
    for (Network one :
        session.call(() -> session.client().networking().network().list(Map.of("name", name)))) {
      if (name.equals(one.getName()) && session.project().equals(one.getTenantId())) {
        return Optional.of(one);
      }
      if (name.equals(one.getName()) && one.isShared()) {
        shared.add(one);
      }
    }
    return shared.size() == 1 ? Optional.of(shared.getFirst()) : Optional.empty();
  }

  List<? extends Subnet> subnets(String network) throws IOException {
    return session.call(() -> session.client().networking().subnet().list()).stream()
        .filter(one -> network.equals(one.getNetworkId()))
        .toList();
  }

  Optional<SecurityGroup> groupNamed(String name) throws IOException {
    return session
        .call(() -> session.client().networking().securitygroup().list(Map.of("name", name)))
        .stream()
        .filter(one -> session.project().equals(one.getTenantId()) && name.equals(one.getName()))
        .findFirst()
        .map(one -> one);
  }

  /**
   * The project's groups with their rules, as Neutron says them: what openstack4j does not know of
   * a rule may be what narrows it.
   */
  JsonNode groups() throws IOException {
    return session
        .raw("GET", uri("/security-groups?project_id=" + session.project()), Optional.empty())
        .good("security_groups");
  }

  /**
   * Makes a group with the rules that Neutron gives every new one.
   *
   * @return its id
   */
  String createGroup(String name) throws IOException, Refusal {
    JsonNode body = Rest.json(Map.of("security_group", Map.of("name", name)));
    Rest.Answer answer = session.raw("POST", uri("/security-groups"), Optional.of(body));
    requireQuota(answer);
    return answer.good("security_group").path("id").asText();
  }

  /** Adds rules to a group, all or none. */
  void createRules(List<Map<String, Object>> rules) throws IOException, Refusal {
    JsonNode body = Rest.json(Map.of("security_group_rules", rules));
    Rest.Answer answer = session.raw("POST", uri("/security-group-rules"), Optional.of(body));
    if (answer.status() == 400) {
      throw new Refusal(
          Reason.UNMAPPABLE, "Neutron: " + answer.body().findPath("message").asText());
    }
    requireQuota(answer);
    answer.done();
  }

  private static void requireQuota(Rest.Answer answer) throws Refusal {
    String said = answer.body().findPath("message").asText();
    if (answer.status() == 409 && said.contains("Quota exceeded")) {
      throw new Refusal(Reason.QUOTA, "Neutron: " + said);
    }
  }

  void deleteRule(String rule) throws IOException {
    session.raw("DELETE", uri("/security-group-rules/" + rule), Optional.empty()).doneOrGone();
  }

  /** Deletes a group, unless it is in use. */
  void deleteGroup(String group) throws IOException {
    Rest.Answer answer = session.raw("DELETE", uri("/security-groups/" + group), Optional.empty());
    if (answer.status() != 404 && answer.status() != 409) {
      answer.done();
    }
  }

  private String uri(String path) throws IOException {
    return session.endpoint("network").replaceFirst("(/v2\\.0)?/*$", "") + "/v2.0" + path;
  }

  List<? extends Port> portsNamed(String prefix) throws IOException {
    return session.call(() -> session.client().networking().port().list()).stream()
        .filter(one -> session.project().equals(one.getTenantId()))
        .filter(one -> one.getName() != null && one.getName().startsWith(prefix))
        .toList();
  }

  /** The ports that are a server's cards, in no order. */
  List<? extends Port> portsOf(String server) throws IOException {
    PortListOptions of = PortListOptions.create().deviceId(server);
    return session.call(() -> session.client().networking().port().list(of)).stream()
        .filter(
            one -> server.equals(one.getDeviceId()) && session.project().equals(one.getTenantId()))
        .filter(one -> String.valueOf(one.getDeviceOwner()).startsWith("compute:"))
        .toList();
  }

  Optional<Port> port(String port) throws IOException {
    return session.found(() -> session.client().networking().port().get(port));
  }

  /**
   * Makes a port.
   *
   * @throws Refusal if an address of it is taken or in no subnet, or the project may have no more
   */
  Port create(Port port) throws IOException, Refusal {
    try {
      return session.call(() -> session.client().networking().port().create(port));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no
          && Set.of(400, 403, 409).contains(no.getStatus())) {
        String said = String.valueOf(no.getMessage());
        boolean quota =
            said.contains("Quota exceeded") || said.contains("No more IP addresses available");
        throw new Refusal(
            quota ? Reason.QUOTA : Reason.UNMAPPABLE, "Neutron makes no port: " + said);
      }
      throw e;
    }
  }

  void deletePort(String port) throws IOException {
    session.act(() -> session.client().networking().port().delete(port));
  }

  /** All of the project; none where Neutron has no routers. */
  List<FloatingIp> floatingIps() throws IOException {
    Rest.Answer all =
        session.raw("GET", uri("/floatingips?project_id=" + session.project()), Optional.empty());
    if (all.status() == 404) {
      return List.of();
    }
    List<FloatingIp> own = new ArrayList<>();
    for (JsonNode one : all.good("floatingips")) {
      if (one.path("project_id").asText().equals(session.project())) {
        own.add(FloatingIp.of(one));
      }
    }
    return own;
  }

  /** The external network of that name, if it is the only one. */
  Optional<String> externalNamed(String name) throws IOException {
    String query = "/networks?router:external=true&name=" + name;
    List<String> named = new ArrayList<>();
    for (JsonNode one : session.raw("GET", uri(query), Optional.empty()).good("networks")) {
      if (one.path("name").asText().equals(name) && one.path("router:external").asBoolean()) {
        named.add(one.path("id").asText());
      }
    }
    return named.size() == 1 ? Optional.of(named.getFirst()) : Optional.empty();
  }

  /**
   * Makes a floating IP that leads to an address of a port.
   *
   * @return its id
   * @throws Refusal if no router leads from there to the port, or there may be no more
   */
  String createFloatingIp(String network, String port, String address, String description)
      throws IOException, Refusal {
    JsonNode body =
        Rest.json(
            Map.of(
                "floatingip",
                Map.of(
                    "floating_network_id", network,
                    "port_id", port,
                    "fixed_ip_address", address,
                    "description", description)));
    Rest.Answer answer = session.raw("POST", uri("/floatingips"), Optional.of(body));
    if (Set.of(400, 403, 404, 409).contains(answer.status())) {
      String said = answer.body().findPath("message").asText();
      boolean quota =
          said.contains("Quota exceeded") || said.contains("No more IP addresses available");
      throw new Refusal(
          quota ? Reason.QUOTA : Reason.UNMAPPABLE, "Neutron makes no floating IP: " + said);
    }
    return answer.good("floatingip").path("id").asText();
  }

  void deleteFloatingIp(String address) throws IOException {
    session.raw("DELETE", uri("/floatingips/" + address), Optional.empty()).doneOrGone();
  }
}
