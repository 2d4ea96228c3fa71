package crossdock.chassis.testing;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * A real broker of one node, in the clear: in a container, or a process from the launcher's class
 * path for it.
 */
public final class TestBroker implements AutoCloseable {
  private static final Map<String, String> SETTINGS =
      Map.of(
          "auto.create.topics.enable", "false",
          "log.cleaner.dedupe.buffer.size", "8388608",
          "log.index.size.max.bytes", "1048576",
          "offsets.topic.replication.factor", "1",
          "offsets.topic.num.partitions", "1",
          "group.initial.rebalance.delay.ms", "0");

  private final String bootstrap;
  private final Runnable end;

  private TestBroker(String bootstrap, Runnable end) {
    this.bootstrap = bootstrap;
    this.end = end;
  }

  /**
   * Returns when it answers.
   *
   * @param directory empty, the test's own
   */
  public static TestBroker start(Path directory) throws IOException, InterruptedException {
    Optional<DockerImageName> image = Server.KAFKA.image();
    return image.isPresent() ? contained(image.get()) : embedded(directory);
  }

  /** What clients connect to. */
  public String bootstrap() {
    return bootstrap;
  }

  private static TestBroker contained(DockerImageName image) throws InterruptedException {
    KafkaContainer server =
        new KafkaContainer(image)
            .withEnv("KAFKA_HEAP_OPTS", "-Xmx256m")
            // What it would wait for stands in the log of one image only.
            .waitingFor(Wait.forListeningPort());
    SETTINGS.forEach(
        (name, value) ->
            server.withEnv("KAFKA_" + name.toUpperCase(Locale.ROOT).replace('.', '_'), value));
    server.start();
    return new TestBroker(server.getBootstrapServers(), server::stop);
  }

  private static TestBroker embedded(Path directory) throws IOException, InterruptedException {
    int port = port();
    int controller = port();
    Path properties = directory.resolve("server.properties");
    Files.writeString(
        properties,
        """
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:%2$d
        listeners=PLAINTEXT://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d
        advertised.listeners=PLAINTEXT://127.0.0.1:%1$d
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        controller.listener.names=CONTROLLER
        log.dirs=%3$s/data
        %4$s
        """
            .formatted(
                port,
                controller,
                directory,
                SETTINGS.entrySet().stream()
                    .map(Object::toString)
                    .collect(Collectors.joining("\n"))));
    Process format =
        java(
            directory,
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            "chassis-tests-cluster0",
            "--config",
            properties.toString());
    if (!format.waitFor(60, TimeUnit.SECONDS) || format.exitValue() != 0) {
      throw new IOException(Files.readString(directory.resolve("broker.log")));
    }
    Process process = java(directory, "kafka.Kafka", properties.toString());
    TestBroker broker = new TestBroker("127.0.0.1:" + port, process::destroyForcibly);
    broker.awaitUp(process, directory);
    return broker;
  }

  private static Process java(Path directory, String... command) throws IOException {
    Path list = Path.of("..", "launcher", "kafka", "target", "classpath");
    List<String> all =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                Files.readString(list).strip().replace(':', File.pathSeparatorChar)));
    all.addAll(Arrays.asList(command));
    return new ProcessBuilder(all)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("broker.log").toFile()))
        .start();
  }

  private void awaitUp(Process process, Path directory) throws IOException, InterruptedException {
    Instant deadline = Instant.now().plus(Duration.ofSeconds(60));
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      while (true) {
        try {
          admin.describeCluster().nodes().get(2, TimeUnit.SECONDS);
          return;
        } catch (ExecutionException | TimeoutException e) {
          if (!process.isAlive() || Instant.now().isAfter(deadline)) {
            throw new IOException(Files.readString(directory.resolve("broker.log")), e);
          }
        }
      }
    }
  }

  private static int port() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    end.run();
  }
}
