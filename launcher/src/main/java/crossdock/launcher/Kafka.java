package crossdock.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * A KRaft broker of one node, its own class path, TLS with client certificates on both listeners,
 * and nothing allowed that no ACL allows.
 */
final class Kafka {
  /** The subject must be one common name and nothing more; anything else is refused. */
  static final String PRINCIPALS = "RULE:^CN=([a-z0-9.-]+)$/$1/";

  private final State state;
  private final Place place;
  private final Pki pki;
  private final AotCache cache;
  private final Scope scope;

  Kafka(State state, Place place, Pki pki, Path home, Scope scope) {
    this.state = state;
    this.place = place;
    this.pki = pki;
    this.cache = cache(home);
    this.scope = scope;
  }

  static AotCache cache(Path home) {
    return AotCache.of(home.resolve("launcher/kafka/target"));
  }

  static String bootstrap(SitePlace place) {
    return place.kafka().address();
  }

  /** Writes what the broker and its administrator need, and where the broker reads it. */
  Path write() {
    Path directory = state.run("kafka");
    pki.kafka(directory, Party.BROKER, Authority.Use.PEER, Ports.LOOPBACK, place.kafka().host());
    pki.kafka(admin(state), Party.ADMIN, Authority.Use.CLIENT);
    Path properties = directory.resolve("server.properties");
    State.write(properties, place.seen(properties(directory)));
    return properties;
  }

  /** Everything that is to be at the broker. */
  KafkaTopics topics() {
    return new KafkaTopics(bootstrap(place), client(admin(state)), Joined.sites(state));
  }

  static Path admin(State state) {
    return state.run("kafka-admin");
  }

  Daemon prepare() throws IOException, InterruptedException {
    Path directory = state.run("kafka");
    Path properties = write();
    if (!Files.exists(directory.resolve("data/meta.properties"))) {
      Spawn.tool(
          state,
          "kafka",
          java(
              List.of("-Xmx128m"),
              "kafka.tools.StorageTool",
              List.of(
                  "format",
                  "--ignore-formatted",
                  "--cluster-id",
                  state.secret("kafka-cluster").substring(0, 22),
                  "--config",
                  properties.toString())),
          Map.of());
    }
    List<String> options = new ArrayList<>(cache.options(scope));
    options.add("-Xmx320m");
    KafkaTopics topics = topics();
    return new Daemon(
        "kafka",
        directory,
        java(options, "kafka.Kafka", List.of(properties.toString())),
        Map.of(),
        Daemon.Signal.TERM,
        Duration.ofSeconds(90),
        scope.grace(),
        bootstrap(place),
        topics::settled);
  }

  /** What a client needs whose {@code kafka.pem} and {@code kafka-trust.pem} are in a directory. */
  static Properties client(Path directory) {
    Properties client = new Properties();
    client.setProperty("security.protocol", "SSL");
    client.setProperty("ssl.keystore.type", "PEM");
    client.setProperty("ssl.keystore.location", directory.resolve("kafka.pem").toString());
    client.setProperty("ssl.truststore.type", "PEM");
    client.setProperty("ssl.truststore.location", directory.resolve("kafka-trust.pem").toString());
    return client;
  }

  private List<String> java(List<String> options, String main, List<String> arguments)
      throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of(
                Jvm.java(),
                state.temporary("kafka"),
                "-Xms64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
                "-Dorg.slf4j.simpleLogger.logFile=System.out",
                "-cp",
                cache.jars(),
                main));
    all.addAll(1, options);
    all.addAll(arguments);
    return all;
  }

  private String properties(Path directory) {
    return """
    process.roles=broker,controller
    node.id=1
    controller.quorum.voters=1@127.0.0.1:%2$d
    listeners=BROKER://%5$s:%6$d,CONTROLLER://127.0.0.1:%2$d
    advertised.listeners=BROKER://%1$s
    listener.security.protocol.map=BROKER:SSL,CONTROLLER:SSL
    inter.broker.listener.name=BROKER
    controller.listener.names=CONTROLLER
    ssl.client.auth=required
    ssl.enabled.protocols=TLSv1.3
    ssl.protocol=TLSv1.3
    ssl.keystore.type=PEM
    ssl.keystore.location=%3$s/kafka.pem
    ssl.truststore.type=PEM
    ssl.truststore.location=%3$s/kafka-trust.pem
    ssl.principal.mapping.rules=%4$s
    authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
    super.users=User:broker;User:admin
    allow.everyone.if.no.acl.found=false
    auto.create.topics.enable=false
    log.dirs=%3$s/data
    log.retention.check.interval.ms=300000
    log.cleaner.dedupe.buffer.size=8388608
    log.index.size.max.bytes=1048576
    offsets.topic.replication.factor=1
    offsets.topic.num.partitions=8
    transaction.state.log.replication.factor=1
    transaction.state.log.min.isr=1
    transaction.state.log.num.partitions=4
    share.coordinator.state.topic.replication.factor=1
    share.coordinator.state.topic.min.isr=1
    share.coordinator.state.topic.num.partitions=2
    group.initial.rebalance.delay.ms=0
    num.network.threads=2
    num.io.threads=4
    """
        .formatted(
            bootstrap(place),
            place.published().kafkaController(),
            directory,
            PRINCIPALS.replace("\\", "\\\\"),
            place.everywhere(),
            place.kafka().port());
  }
}
