package crossdock.chassis.testing;

import com.github.dockerjava.api.DockerClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.dockerclient.DockerClientProviderStrategy;
import org.testcontainers.utility.DockerImageName;

/**
 * What tests need beside themselves. {@code CROSSDOCK_TEST_SERVERS} says where they find it: {@code
 * containers}, {@code embedded}, or, by default, in containers where an engine has the images.
 */
public enum Server {
  POSTGRES("PostgreSQL", "postgres:18"),
  KAFKA("Kafka", "apache/kafka:4.2.1"),
  KEYCLOAK("Keycloak", "quay.io/keycloak/keycloak:26.7.3");

  private static final Logger LOG = LoggerFactory.getLogger(Server.class);
  private static final String SERVERS = "CROSSDOCK_TEST_SERVERS";

  private final String product;
  private final String original;

  Server(String product, String original) {
    this.product = product;
    this.original = original;
  }

  /**
   * The image to run in a container, or nothing: then the embedded server is to be used. Says in
   * the log which, and why.
   */
  public Optional<DockerImageName> image() {
    DockerImageName image =
        DockerImageName.parse(variable(name() + "_IMAGE", original))
            .asCompatibleSubstituteFor(DockerImageName.parse(original));
    String wish = variable(SERVERS, "");
    Optional<String> obstacle =
        switch (wish) {
          case "containers" -> Optional.empty();
          case "embedded" -> Optional.of(SERVERS + " says so");
          case "" -> obstacle(image);
          default ->
              throw new IllegalArgumentException(
                  SERVERS + " is containers or embedded, and not " + wish);
        };
    LOG.info(
        "{} for tests: {}",
        product,
        obstacle.map(why -> "embedded, as " + why).orElse("a container of " + image));
    return obstacle.isPresent() ? Optional.empty() : Optional.of(image);
  }

  /** Looks, and pulls nothing: where no registry answers, that could take minutes. */
  private static Optional<String> obstacle(DockerImageName image) {
    List<String> needed = new ArrayList<>(List.of(image.asCanonicalNameString()));
    if (!Boolean.parseBoolean(variable("TESTCONTAINERS_RYUK_DISABLED", ""))) {
      needed.add("testcontainers/ryuk");
    }
    try (DockerClient engine =
        DockerClientProviderStrategy.getClientForConfig(
            DockerClientFactory.instance().getTransportConfig())) {
      return needed.stream()
          .filter(name -> engine.listImagesCmd().withReferenceFilter(name).exec().isEmpty())
          .findFirst()
          .map(name -> "the container engine has no image " + name);
    } catch (IllegalStateException e) {
      return Optional.of("no container engine answers");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String variable(String name, String otherwise) {
    return Objects.requireNonNullElse(System.getenv(name), otherwise);
  }
}
