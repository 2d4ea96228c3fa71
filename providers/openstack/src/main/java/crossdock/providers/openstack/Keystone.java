package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.openstack4j.api.client.IOSClientBuilder;
import org.openstack4j.api.exceptions.AuthenticationException;
import org.openstack4j.core.transport.Config;
import org.openstack4j.model.common.Identifier;
import org.openstack4j.model.identity.v3.Role;
import org.openstack4j.model.identity.v3.Token;
import org.openstack4j.openstack.OSFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which projects there are for whom, and the way into them. Thread-safe. */
final class Keystone {
  private static final Logger LOG = LoggerFactory.getLogger(Keystone.class);
  private static final Duration BEFORE_ITS_END = Duration.ofMinutes(10);
  static final Config CONFIG =
      Config.newConfig().withConnectionTimeout(10_000).withReadTimeout(120_000);
  private static final String NO_PROJECT = "";

  private final Account account;
  private final Rest rest;
  private final Clock clock;
  private final byte[] key;
  private final Map<String, Token> tokens = new ConcurrentHashMap<>();

  /** By the ids of credentials, the project that each is for. */
  private final Map<String, String> projectsOf = new ConcurrentHashMap<>();

  /**
   * @param key that tickets' secrets are derived with
   */
  Keystone(Account account, Rest rest, Clock clock, byte[] key) {
    this.account = account;
    this.rest = rest;
    this.clock = clock;
    this.key = key.clone();
  }

  /** The projects of one owner that this account may work in, always in the same order. */
  List<String> projects(String owner) throws IOException {
    return projectsTagged(tag -> tag.equals(Account.OWNER + owner));
  }

  /** All projects that this account may work in and that have an owner. */
  List<String> projects() throws IOException {
    return projectsTagged(tag -> tag.startsWith(Account.OWNER));
  }

  /** Where it may work, and no owner is named: by their names. */
  List<String> withoutOwner() throws IOException {
    List<String> names = new ArrayList<>();
    for (JsonNode project : scopes()) {
      boolean owned = false;
      for (JsonNode tag : project.path("tags")) {
        owned |= tag.asText().startsWith(Account.OWNER);
      }
      if (!owned) {
        names.add(project.path("name").asText());
      }
    }
    Collections.sort(names);
    return names;
  }

  /** In which domains it has a role, and {@code system} if it has one there. */
  List<String> beyondProjects() throws IOException {
    if (!account.credentials().isEmpty()) {
      return List.of(); // a credential is for a project
    }
    Token token = token(NO_PROJECT);
    List<String> names = new ArrayList<>();
    String scopes = account.keystone() + "/auth/";
    for (JsonNode domain :
        rest.call("GET", scopes + "domains", token.getId(), Optional.empty()).good("domains")) {
      names.add(domain.path("name").asText());
    }
    boolean system =
        !rest.call("GET", scopes + "system", token.getId(), Optional.empty())
            .good("system")
            .isEmpty();
    if (system) {
      names.add("system");
    }
    return names;
  }

  /** What it is in a project. */
  List<? extends Role> roles(String project) throws IOException {
    return token(project).getRoles();
  }

  private List<String> projectsTagged(Predicate<String> wanted) throws IOException {
    List<String> ids = new ArrayList<>();
    for (JsonNode project : scopes()) {
      boolean tagged = false;
      for (JsonNode tag : project.path("tags")) {
        tagged |= wanted.test(tag.asText());
      }
      // A disabled one is listed, too, and nobody gets into it.
      if (tagged && project.path("enabled").asBoolean()) {
        ids.add(project.path("id").asText());
      }
    }
    Collections.sort(ids);
    return ids;
  }

  private Iterable<JsonNode> scopes() throws IOException {
    if (!account.credentials().isEmpty()) {
      return scopesOfCredentials();
    }
    Token token = token(NO_PROJECT);
    Rest.Answer answer =
        rest.call("GET", account.keystone() + "/auth/projects", token.getId(), Optional.empty());
    if (answer.status() == 401) {
      tokens.remove(NO_PROJECT);
    }
    return answer.good("projects");
  }

  /** One that its customer has ended keeps nobody from the others. */
  private List<JsonNode> scopesOfCredentials() throws IOException {
    List<JsonNode> scopes = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    Denied denied = null;
    for (Account.Credential one : account.credentials()) {
      try {
        Token token = token(one);
        String project = token.getProject().getId();
        Rest.Answer answer = describe(token, project);
        if (answer.status() == 401) {
          tokens.remove(project); // its user's password may be another now
          answer = describe(token(one), project);
        }
        if (ids.add(project)) {
          scopes.add(answer.good("project"));
        }
      } catch (Denied e) {
        LOG.warn("{} is good for nothing: {}", one, e.getMessage());
        denied = e;
      }
    }
    if (denied != null && scopes.isEmpty()) {
      throw denied;
    }
    return scopes;
  }

  private Rest.Answer describe(Token token, String project) throws IOException {
    String uri = account.keystone() + "/projects/" + project;
    return rest.call("GET", uri, token.getId(), Optional.empty());
  }

  /** The ids of the credentials that nobody gets in by. */
  List<String> ended() throws IOException {
    List<String> ended = new ArrayList<>();
    for (Account.Credential one : account.credentials()) {
      try {
        Token _ = token(one);
      } catch (Denied e) {
        ended.add(one.id());
      }
    }
    return ended;
  }

  private Token token(Account.Credential credential) throws IOException {
    Optional<Token> known =
        Optional.ofNullable(projectsOf.get(credential.id())).flatMap(this::known);
    if (known.isPresent()) {
      return known.get();
    }
    Token token = rest.token(account.keystone(), credential.id(), credential.secret());
    if (token.getProject() == null) {
      throw new IOException("a credential for no project");
    }
    String project = token.getProject().getId();
    projectsOf.put(credential.id(), project);
    tokens.put(project, token);
    return token;
  }

  /** One that its customer has ended keeps nobody from the others. */
  private Token tokenOfCredential(String project) throws IOException {
    for (Account.Credential one : account.credentials()) {
      if (projectsOf.getOrDefault(one.id(), project).equals(project)) {
        try {
          Token token = token(one);
          if (token.getProject().getId().equals(project)) {
            return token;
          }
        } catch (Denied e) {
          LOG.warn("{} is good for nothing: {}", one, e.getMessage());
        }
      }
    }
    throw new Denied("no credential is for project " + project, null);
  }

  /** One that does not end soon. */
  private Optional<Token> known(String project) {
    return Optional.ofNullable(tokens.get(project))
        .filter(
            token ->
                clock.instant().isBefore(token.getExpires().toInstant().minus(BEFORE_ITS_END)));
  }

  Project project(String id) throws IOException {
    Session session = new Session(id, token(id), account, rest, () -> tokens.remove(id));
    return new Project(session, key);
  }

  /** Looks for something in one project. */
  interface Looking<T> {
    Optional<T> in(Project project) throws IOException;
  }

  /** What happens in one project keeps nobody from another. */
  <T> Optional<T> first(List<String> projects, Looking<T> looking) throws IOException {
    IOException failed = null;
    for (String one : projects) {
      try {
        Optional<T> found = looking.in(project(one));
        if (found.isPresent()) {
          return found;
        }
      } catch (IOException e) {
        LOG.warn("Project {} cannot be searched: {}", one, e.getMessage());
        failed = e;
      }
    }
    if (failed != null) {
      throw failed;
    }
    return Optional.empty();
  }

  private Token token(String project) throws IOException {
    Optional<Token> known = known(project);
    if (known.isPresent()) {
      return known.get();
    }
    if (!account.credentials().isEmpty()) {
      return tokenOfCredential(project);
    }
    IOSClientBuilder.V3 login =
        OSFactory.builderV3()
            .endpoint(account.keystone().toString())
            .credentials(account.user(), account.password(), Identifier.byName(account.domain()))
            .withConfig(CONFIG);
    if (!project.equals(NO_PROJECT)) {
      login.scopeToProject(Identifier.byId(project));
    }
    try {
      Token token = login.authenticate().getToken();
      tokens.put(project, token);
      return token;
    } catch (AuthenticationException e) {
      throw new Denied("Keystone: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      throw Session.failed(e);
    }
  }
}
