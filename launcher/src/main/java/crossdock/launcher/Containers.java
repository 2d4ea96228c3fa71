package crossdock.launcher;

import crossdock.launcher.Preflight.Endpoint;
import java.nio.file.Path;

/**
 * The networks of {@code docker-compose.yml}: who listens does so in one of them, by the name it
 * has there.
 *
 * @param state what the containers see as {@code /crossdock}
 */
record Containers(Ports published, Path state) implements Place {
  private static final String SEEN = "/crossdock";

  @Override
  public String everywhere() {
    return "0.0.0.0";
  }

  @Override
  public Endpoint plain(Services.Service service) {
    Site site = service.site();
    return new Endpoint(service.name() + "." + (site == null ? "core" : site.provider()), 8080);
  }

  @Override
  public Endpoint mutual(Services.Service service) {
    return new Endpoint(
        service.name() + (service.imports() ? ".vmimportsubnet" : ".vmexportsubnet"), 8443);
  }

  @Override
  public Endpoint postgres() {
    return new Endpoint("postgres", 5432);
  }

  @Override
  public Endpoint kafka() {
    return new Endpoint("kafka", 9092);
  }

  @Override
  public Endpoint keycloak() {
    return new Endpoint("keycloak", 8080);
  }

  @Override
  public String seen(String text) {
    return text.replace(state.toString(), SEEN);
  }
}
