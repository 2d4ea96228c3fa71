package crossdock.providers.openstack;

import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A cloud made by {@code lab/openstack/up}, as its administrator sees it: by plain requests, not by
 * what is under test.
 */
final class Lab {
  static final String PASSWORD = "labpass";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final String keystone;
  private final Map<String, String> tokens = new LinkedHashMap<>();
  private final Map<String, String> endpoints = new LinkedHashMap<>();

  private Lab(String keystone) throws IOException {
    this.keystone = keystone;
    login("admin");
  }

  /** The one that {@code CROSSDOCK_OPENSTACK} names; without it, the test is not run. */
  static Lab here() throws IOException {
    String keystone = System.getenv("CROSSDOCK_OPENSTACK");
    if (keystone == null || keystone.isEmpty()) {
      return abort(
          "NOT RUN: CROSSDOCK_OPENSTACK is not the URL of a lab's Keystone (lab/openstack/up)");
    }
    return new Lab(keystone);
  }

  Account account() {
    return new Account(
        URI.create(keystone), "crossdock", PASSWORD, "Default", Optional.of("RegionOne"));
  }

  /** The same account, in a region of its own whose services are reached through a proxy. */
  Account through(Proxy proxy) throws IOException {
    String region = "through-" + System.nanoTime();
    Object _ =
        post("admin/identity", "/regions", "{\"region\": {\"id\": \"%s\"}}".formatted(region));
    for (JsonNode one : get("admin/identity", "/endpoints?interface=public").path("endpoints")) {
      if (one.path("region_id").asText().equals("RegionOne")) {
        Object _ =
            post(
                "admin/identity",
                "/endpoints",
                """
                {"endpoint": {"service_id": "%s", "interface": "public", "region_id": "%s",
                  "url": "%s"}}
                """
                    .formatted(
                        one.path("service_id").asText(),
                        region,
                        proxy.through(one.path("url").asText())));
      }
    }
    return new Account(
        URI.create(proxy.through(keystone)), "crossdock", PASSWORD, "Default", Optional.of(region));
  }

  void forget(Account through) throws IOException {
    String region = through.region().orElseThrow();
    for (JsonNode one : get("admin/identity", "/endpoints").path("endpoints")) {
      if (one.path("region_id").asText().equals(region)) {
        Object _ =
            call(
                "DELETE",
                "admin/identity",
                "/endpoints/" + one.path("id").asText(),
                Optional.empty());
      }
    }
    Object _ = call("DELETE", "admin/identity", "/regions/" + region, Optional.empty());
  }

  /** The same cloud, by a credential that a user has made for a project. */
  Account account(String project, boolean unrestricted) throws IOException {
    HttpResponse<byte[]> answer = login("crossdock", project);
    String user = JSON.readTree(answer.body()).path("token").path("user").path("id").asText();
    JsonNode body =
        JSON.readTree(
            """
            {"application_credential": {"name": "of-%s-%d", "unrestricted": %s}}
            """
                .formatted(project, System.nanoTime(), unrestricted));
    JsonNode made =
        JSON.readTree(
                send(
                        "POST",
                        keystone + "/users/" + user + "/application_credentials",
                        answer.headers().firstValue("X-Subject-Token").orElseThrow(),
                        Optional.of(body))
                    .body())
            .path("application_credential");
    return new Account(
        URI.create(keystone),
        "",
        "",
        "",
        Optional.of("RegionOne"),
        List.of(new Account.Credential(made.path("id").asText(), made.path("secret").asText())));
  }

  /** Has its user end the credential that {@link #account(String, boolean)} made. */
  void end(Account account, String project) throws IOException {
    HttpResponse<byte[]> answer = login("crossdock", project);
    String user = JSON.readTree(answer.body()).path("token").path("user").path("id").asText();
    Object _ =
        send(
            "DELETE",
            keystone
                + "/users/"
                + user
                + "/application_credentials/"
                + account.credentials().getFirst().id(),
            answer.headers().firstValue("X-Subject-Token").orElseThrow(),
            Optional.empty());
  }

  private HttpResponse<byte[]> login(String user, String project) throws IOException {
    JsonNode body =
        JSON.readTree(
            """
            {"auth": {
              "identity": {"methods": ["password"], "password": {"user":
                {"name": "%s", "password": "%s", "domain": {"id": "default"}}}},
              "scope": {"project": {"name": "%s", "domain": {"id": "default"}}}}}
            """
                .formatted(user, PASSWORD, project));
    return send("POST", keystone + "/auth/tokens", "", Optional.of(body));
  }

  private void login(String project) throws IOException {
    HttpResponse<byte[]> answer = login("admin", project);
    JsonNode token = JSON.readTree(answer.body()).path("token");
    tokens.put(project, answer.headers().firstValue("X-Subject-Token").orElseThrow());
    for (JsonNode service : token.path("catalog")) {
      for (JsonNode endpoint : service.path("endpoints")) {
        if (endpoint.path("interface").asText().equals("public")
            && endpoint.path("region").asText().equals("RegionOne")) {
          endpoints.put(
              project + "/" + service.path("type").asText(), endpoint.path("url").asText());
        }
      }
    }
  }

  /** A project whose machines are that owner's, with room for so many. */
  String project(String name, String owner, int servers) throws IOException {
    String identity = "admin/identity";
    String id =
        post(identity, "/projects", "{\"project\": {\"name\": \"%s\"}}".formatted(name))
            .findPath("id")
            .asText();
    String crossdock = named(identity, "/users", "users", "crossdock");
    for (String[] grant :
        new String[][] {
          {crossdock, "member"},
          {named(identity, "/users", "users", "admin"), "admin"}
        }) {
      Object _ =
          call(
              "PUT",
              identity,
              "/projects/%s/users/%s/roles/%s"
                  .formatted(id, grant[0], named(identity, "/roles", "roles", grant[1])),
              Optional.empty());
    }
    Object _ =
        call(
            "PUT",
            identity,
            "/projects/" + id + "/tags",
            Optional.of("{\"tags\": [\"%s%s\"]}".formatted(Account.OWNER, owner)));
    Object _ =
        call(
            "PUT",
            "admin/compute",
            "/os-quota-sets/" + id,
            Optional.of(
                "{\"quota_set\": {\"instances\": %d, \"force\": true}}".formatted(servers)));
    login(name);
    return id;
  }

  /** Makes the machines of a project that owner's, too. */
  void own(String project, String owner) throws IOException {
    String identity = "admin/identity";
    String path = "/projects/" + named(identity, "/projects", "projects", project) + "/tags";
    List<String> tags = new ArrayList<>(List.of(Account.OWNER + owner));
    get(identity, path).path("tags").forEach(tag -> tags.add(tag.asText()));
    Object _ =
        call(
            "PUT",
            identity,
            path,
            Optional.of(JSON.writeValueAsString(Map.of("tags", Set.copyOf(tags)))));
  }

  /** The id of what has that name. */
  String named(String service, String path, String list, String name) throws IOException {
    for (JsonNode one : get(service, path).path(list)) {
      if (one.path("name").asText().equals(name)) {
        return one.path("id").asText();
      }
    }
    throw new IOException("no " + name + " in " + path);
  }

  /**
   * @param service {@code <project>/<type>}
   */
  JsonNode get(String service, String path) throws IOException {
    return call("GET", service, path, Optional.empty());
  }

  JsonNode post(String service, String path, String body) throws IOException {
    return call("POST", service, path, Optional.of(body));
  }

  JsonNode call(String method, String service, String path, Optional<String> body)
      throws IOException {
    String base =
        service.endsWith("/identity")
            ? keystone
            : endpoints.get(service)
                + (service.endsWith("/image")
                    ? "/v2"
                    : service.endsWith("/network") ? "/v2.0" : "");
    String token = tokens.getOrDefault(service.substring(0, service.indexOf('/')), "");
    HttpResponse<byte[]> answer =
        send(
            method,
            base + path,
            token,
            body.isPresent() ? Optional.of(JSON.readTree(body.get())) : Optional.empty());
    return answer.body().length == 0 ? JSON.createObjectNode() : JSON.readTree(answer.body());
  }

  /** An image with data, which everybody sees; made once. */
  String image(String name, byte[] raw) throws IOException {
    return image("admin", name, raw);
  }

  /** The same, made in a project. */
  String image(String project, String name, byte[] raw) throws IOException {
    for (JsonNode one : get(project + "/image", "/images?name=" + name).path("images")) {
      if (one.path("status").asText().equals("active")) {
        return one.path("id").asText();
      }
    }
    String id =
        post(
                project + "/image",
                "/images",
                """
                {"name": "%s", "disk_format": "raw", "container_format": "bare",
                 "visibility": "%s", "os_type": "linux"}
                """
                    .formatted(name, project.equals("admin") ? "public" : "private"))
            .path("id")
            .asText();
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create(endpoints.get(project + "/image") + "/v2/images/" + id + "/file"))
            .header("X-Auth-Token", tokens.getOrDefault(project, ""))
            .header("Content-Type", "application/octet-stream")
            .PUT(BodyPublishers.ofByteArray(raw))
            .build();
    Object _ = good(request);
    return id;
  }

  JsonNode await(String service, String path, String field, String... values) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
    for (; ; ) {
      JsonNode found = get(service, path);
      String now = found.findPath(field).asText();
      if (List.of(values).contains(now)) {
        return found;
      }
      if (now.equalsIgnoreCase("error") || System.nanoTime() > deadline) {
        throw new IOException(path + " is " + now + ": " + found);
      }
      try {
        TimeUnit.MILLISECONDS.sleep(200);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException(e);
      }
    }
  }

  /** What Nova says to who has only that; 0 if Keystone gives no token for it. */
  int status(DiskTicket.Access access, String project, String path) throws IOException {
    JsonNode body =
        JSON.readTree(
            """
            {"auth": {"identity": {"methods": ["application_credential"],
              "application_credential": {"id": "%s", "secret": "%s"}}}}
            """
                .formatted(access.id(), access.secret()));
    try {
      HttpResponse<byte[]> token =
          HTTP.send(
              HttpRequest.newBuilder(URI.create(keystone + "/auth/tokens"))
                  .header("Content-Type", "application/json")
                  .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)))
                  .build(),
              BodyHandlers.ofByteArray());
      if (token.statusCode() != 201) {
        return 0;
      }
      return HTTP.send(
              HttpRequest.newBuilder(URI.create(endpoints.get(project + "/compute") + path))
                  .header("X-Auth-Token", token.headers().firstValue("X-Subject-Token").orElse(""))
                  .build(),
              BodyHandlers.discarding())
          .statusCode();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /** Ends a project with all that is in it. */
  void drop(String name, String id) throws IOException {
    for (String server : ids(name + "/compute", "/servers", "servers")) {
      try {
        Object _ = call("DELETE", name + "/compute", "/servers/" + server, Optional.empty());
      } catch (IOException e) {
        if (!String.valueOf(e.getMessage()).contains("answers 404")) {
          throw e; // else it was about to go when it was listed
        }
      }
    }
    gone(name + "/compute", "/servers", "servers");
    for (String volume : ids(name + "/volumev3", "/volumes", "volumes")) {
      Object _ = call("DELETE", name + "/volumev3", "/volumes/" + volume, Optional.empty());
    }
    String network = name + "/network";
    for (String one : ids(network, "/floatingips?project_id=" + id, "floatingips")) {
      Object _ = call("DELETE", network, "/floatingips/" + one, Optional.empty());
    }
    for (String router : ids(network, "/routers?project_id=" + id, "routers")) {
      for (String port : ids(network, "/ports?device_id=" + router, "ports")) {
        if (get(network, "/ports/" + port)
            .findPath("device_owner")
            .asText()
            .endsWith("interface")) {
          Object _ =
              call(
                  "PUT",
                  network,
                  "/routers/" + router + "/remove_router_interface",
                  Optional.of("{\"port_id\": \"%s\"}".formatted(port)));
        }
      }
      Object _ = call("DELETE", network, "/routers/" + router, Optional.empty());
    }
    for (String port : ids(network, "/ports?project_id=" + id, "ports")) {
      Object _ = call("DELETE", name + "/network", "/ports/" + port, Optional.empty());
    }
    for (String one : ids(network, "/networks?project_id=" + id, "networks")) {
      Object _ = call("DELETE", network, "/networks/" + one, Optional.empty());
    }
    for (String image : ids(name + "/image", "/images?owner=" + id, "images")) {
      Object _ = call("DELETE", name + "/image", "/images/" + image, Optional.empty());
    }
    gone(name + "/volumev3", "/volumes", "volumes");
    Object _ = call("DELETE", "admin/identity", "/projects/" + id, Optional.empty());
  }

  void gone(String service, String path, String list) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
    while (!ids(service, path, list).isEmpty()) {
      if (System.nanoTime() > deadline) {
        throw new IOException("what should be deleted is still in " + path);
      }
      try {
        TimeUnit.MILLISECONDS.sleep(200);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException(e);
      }
    }
  }

  List<String> ids(String service, String path, String list) throws IOException {
    List<String> ids = new ArrayList<>();
    for (JsonNode one : get(service, path).path(list)) {
      ids.add(one.path("id").asText());
    }
    return ids;
  }

  private static HttpResponse<byte[]> send(
      String method, String uri, String token, Optional<JsonNode> body) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(uri)).header("Content-Type", "application/json");
    if (!token.isEmpty()) {
      request.header("X-Auth-Token", token);
    }
    request.method(
        method,
        body.isPresent()
            ? BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body.get()))
            : BodyPublishers.noBody());
    return good(request.build());
  }

  private static HttpResponse<byte[]> good(HttpRequest request) throws IOException {
    try {
      HttpResponse<byte[]> answer = HTTP.send(request, BodyHandlers.ofByteArray());
      if (answer.statusCode() >= 300) {
        throw new IOException(
            request.method()
                + " "
                + request.uri()
                + " answers "
                + answer.statusCode()
                + ": "
                + new String(answer.body(), java.nio.charset.StandardCharsets.UTF_8));
      }
      return answer;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
