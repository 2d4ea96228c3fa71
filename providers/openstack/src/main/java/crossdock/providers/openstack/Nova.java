package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Reason;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.openstack4j.api.exceptions.ResponseException;
import org.openstack4j.model.compute.Flavor;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.compute.ServerCreate;

/** The calls to Nova in one project. Thread-safe. */
record Nova(Session session) {
  private static final int CONSOLE_LINES = 500;

  List<Server> servers() throws IOException {
    return Pages.all(
        Server::getId,
        one -> server(one).isPresent(),
        Map.of(),
        query -> session.call(() -> session.client().compute().servers().list(query)));
  }

  Optional<Server> server(String server) throws IOException {
    return session
        .found(() -> session.client().compute().servers().get(server))
        .filter(one -> one.getStatus() != Server.Status.DELETED);
  }

  List<Flavor> flavors() throws IOException {
    return Pages.all(
        Flavor::getId,
        one -> flavor(one).isPresent(),
        Map.of(),
        query -> session.call(() -> session.client().compute().flavors().list(true, query)));
  }

  Optional<Flavor> flavor(String flavor) throws IOException {
    return session.found(() -> session.client().compute().flavors().get(flavor));
  }

  /** The MAC addresses of a server's cards, network by network; openstack4j loses that order. */
  List<String> macs(String server) throws IOException {
    JsonNode networks =
        session
            .raw("GET", uri("/servers/" + server), Optional.empty())
            .good("server")
            .path("addresses");
    List<String> macs = new ArrayList<>();
    for (JsonNode network : networks) {
      for (JsonNode address : network) {
        macs.add(address.path("OS-EXT-IPS-MAC:mac_addr").asText());
      }
    }
    return macs;
  }

  /** By name; of those that take machines now. */
  List<String> zones() throws IOException {
    return session.call(() -> session.client().compute().zones().list()).stream()
        .filter(zone -> zone.getZoneState().getAvailable())
        .map(zone -> zone.getZoneName())
        .toList();
  }

  /**
   * What a server can be told (Compute API, "Servers - run an action"). Not by openstack4j, which
   * takes 503 for done, and 500 for 409.
   */
  enum Action {
    START("os-start"),
    STOP("os-stop"),
    PAUSE("pause"),
    UNPAUSE("unpause"),
    LOCK("lock"),
    UNLOCK("unlock"),
    FORCE_DELETE("forceDelete");

    private final String wire;

    Action(String wire) {
      this.wire = wire;
    }
  }

  /** Tells it that, unless it has gone. */
  void act(String server, Action action) throws IOException {
    JsonNode body = Rest.json(Collections.singletonMap(action.wire, null));
    session.raw("POST", uri("/servers/" + server + "/action"), Optional.of(body)).doneOrGone();
  }

  private String uri(String path) throws IOException {
    return session.endpoint("compute").replaceFirst("/+$", "") + path;
  }

  /** Adds to what a server's metadata says; openstack4j would replace all of it. */
  void mark(String server, Map<String, String> metadata) throws IOException {
    JsonNode body = Rest.json(Map.of("metadata", metadata));
    session.raw("POST", uri("/servers/" + server + "/metadata"), Optional.of(body)).done();
  }

  void unmark(String server, String key) throws IOException {
    session
        .raw("DELETE", uri("/servers/" + server + "/metadata/" + key), Optional.empty())
        .doneOrGone();
  }

  String console(String server) throws IOException {
    return session
        .found(() -> session.client().compute().servers().getConsoleOutput(server, CONSOLE_LINES))
        .orElse("");
  }

  /**
   * Has a server's root disk copied to an image of that name.
   *
   * @return the image's id
   */
  String createImage(String server, String name) throws IOException {
    return session.call(() -> session.client().compute().servers().createSnapshot(server, name));
  }

  /** Makes a server, which starts. */
  Server create(ServerCreate server) throws IOException, Refusal {
    try {
      return session.call(() -> session.client().compute().servers().boot(server));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no && no.getStatus() == 403) {
        throw new Refusal(Reason.QUOTA, "Nova makes no server: " + no.getMessage());
      }
      throw e;
    }
  }

  /** Also one that its customer has locked, and at once where the cloud would keep it a while. */
  void delete(Server server) throws IOException, Refusal {
    act(server.getId(), Action.UNLOCK);
    session.raw("DELETE", uri("/servers/" + server.getId()), Optional.empty()).doneOrGone();
    Object _ =
        Session.await(
            "the end of a server",
            () -> {
              Optional<Server> now = server(server.getId());
              if (now.filter(one -> "soft-delete".equals(one.getVmState())).isPresent()) {
                act(server.getId(), Action.FORCE_DELETE);
              }
              return now.isPresent() ? Optional.empty() : Optional.of(true);
            });
  }

  /** Starts a server, and waits until it runs. */
  void start(String id) throws IOException, Refusal {
    Object _ =
        Session.await(
            "a server to start",
            () -> {
              Server server = server(id).orElseThrow(() -> new IOException("the server has gone"));
              if (server.getTaskState() != null) {
                return Optional.empty();
              }
              return switch (server.getStatus()) {
                case ACTIVE -> Optional.of(true);
                case SHUTOFF -> {
                  act(id, Action.START);
                  yield Optional.<Boolean>empty();
                }
                case BUILD -> Optional.<Boolean>empty();
                default ->
                    throw new Refusal(
                        Reason.NOT_ALIVE, "The server is " + server.getStatus() + fault(server));
              };
            });
  }

  private static String fault(Server server) {
    return server.getFault() == null ? "." : ": " + server.getFault().getMessage();
  }
}
