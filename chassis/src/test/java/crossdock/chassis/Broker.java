package crossdock.chassis;

import crossdock.chassis.testing.TestBroker;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** A real broker, and its clients as a service has them. */
record Broker(TestBroker server, Environment environment) implements AutoCloseable {
  static Broker start(Path directory) throws IOException, InterruptedException {
    TestBroker server = TestBroker.start(directory);
    return new Broker(
        server,
        ApplicationContext.builder()
            .properties(
                Map.of(
                    "kafka.bootstrap.servers",
                    server.bootstrap(),
                    "kafka.metadata.max.age.ms",
                    "500"))
            .build()
            .getEnvironment()
            .start());
  }

  Admin admin() {
    return Admin.create(Map.of("bootstrap.servers", server.bootstrap()));
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

  @Override
  public void close() {
    environment.close();
    server.close();
  }
}
