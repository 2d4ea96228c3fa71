package crossdock.chassis;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
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
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** A real broker of one node, in the clear, from the launcher's class path for it. */
final class Broker implements AutoCloseable {
  private final Process process;
  private final String bootstrap;
  private final Environment environment;

  private Broker(Process process, String bootstrap) {
    this.process = process;
    this.bootstrap = bootstrap;
    this.environment =
        ApplicationContext.builder()
            .properties(
                Map.of("kafka.bootstrap.servers", bootstrap, "kafka.metadata.max.age.ms", "500"))
            .build()
            .getEnvironment()
            .start();
  }

  static Broker start(Path directory) throws IOException, InterruptedException {
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
        auto.create.topics.enable=false
        log.dirs=%3$s/data
        log.cleaner.dedupe.buffer.size=8388608
        log.index.size.max.bytes=1048576
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=1
        group.initial.rebalance.delay.ms=0
        """
            .formatted(port, controller, directory));
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
    Broker broker =
        new Broker(java(directory, "kafka.Kafka", properties.toString()), "127.0.0.1:" + port);
    broker.awaitUp(directory);
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

  private void awaitUp(Path directory) throws IOException, InterruptedException {
    Instant deadline = Instant.now().plus(Duration.ofSeconds(60));
    try (Admin admin = admin()) {
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

  Admin admin() {
    return Admin.create(Map.of("bootstrap.servers", bootstrap));
  }

  void topic(String name) throws InterruptedException, ExecutionException {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get();
    }
  }

  /** Clients as a service of site north has them. */
  Kafka clients() {
    return new Kafka(environment, new Identity(Parties.SOURCE));
  }

  private static int port() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    environment.close();
    process.destroyForcibly();
  }
}
