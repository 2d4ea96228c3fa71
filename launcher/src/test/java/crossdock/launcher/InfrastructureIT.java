package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** PostgreSQL, Kafka and Keycloak as processes, started once by the real command line. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class InfrastructureIT implements Infrastructure {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();

  @TempDir static Path directory;
  private static State state;
  private static Ports ports;
  private static Pki pki;

  @BeforeAll
  static void up() throws Exception {
    state = new State(directory.resolve("state"));
    ports = Preflight.unused();
    assertThat(crossdock("up", "--infra")).isZero();
    pki = Pki.open(state, Clock.systemUTC());
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public Ports ports() {
    return ports;
  }

  @Override
  public Pki pki() {
    return pki;
  }

  @AfterAll
  static void down() throws Exception {
    crossdock("down");
    Reaper.sweep(state);
  }

  @Test
  @Order(7)
  void aSecondUpSaysThatItIsRunningAndStatusShowsIt() throws Exception {
    assertThat(crossdock("up", "--infra")).isEqualTo(2);
    assertThat(crossdock("status", "--json")).isZero();
  }

  @Test
  @Order(8)
  void aProcessThatEndsIsStartedAgain() throws Exception {
    ProcessHandle kafka = Spawn.running(state.pidFile("kafka")).orElseThrow();
    kafka.destroyForcibly();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
    while (!restarted("kafka", kafka.pid())) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  @Test
  @Order(9)
  void killingTheSupervisorEndsAllThatItStarted() throws Exception {
    List<ProcessHandle> all = new ArrayList<>();
    for (String name : List.of("postgres", "kafka", "keycloak")) {
      ProcessHandle process = Spawn.running(state.pidFile(name)).orElseThrow();
      all.add(process);
      all.addAll(process.descendants().toList());
    }
    assertThat(all).hasSizeGreaterThan(5);
    all.add(Spawn.running(state.reaperPid()).orElseThrow());
    ProcessHandle supervisor = Spawn.running(state.supervisorPid()).orElseThrow();
    supervisor.destroyForcibly();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
    while (all.stream().anyMatch(InfrastructureIT::lives)) {
      assertThat(System.nanoTime()).as("still alive: %s", all).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(50);
    }
    assertThat(crossdock("status")).isEqualTo(3);
  }

  @Test
  @Order(10)
  void startedAgainItFindsItsDataAndDownLeavesNothing() throws Exception {
    assertThat(crossdock("up", "--infra")).isZero();
    try (var north = consumer(NORTH, NORTH.principal() + ".import")) {
      assertThat(read(north, NORTH.principal() + ".tasks")).contains("due");
    }
    List<ProcessHandle> all = new ArrayList<>();
    for (String name : List.of("postgres", "kafka", "keycloak")) {
      all.add(Spawn.running(state.pidFile(name)).orElseThrow());
    }
    all.add(Spawn.running(state.supervisorPid()).orElseThrow());
    assertThat(crossdock("down")).isZero();
    assertThat(all).noneMatch(InfrastructureIT::lives);
  }

  private static boolean restarted(String name, long before) throws IOException {
    Status status = Status.read(state).orElseThrow();
    return status.processes().stream()
        .anyMatch(p -> p.name().equals(name) && p.state().equals("ready") && p.pid() != before);
  }

  // An ended process that nobody has waited for is no process any more.
  private static boolean lives(ProcessHandle handle) {
    try {
      return !Spawn.startTime(handle.pid()).isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  private static int crossdock(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Jvm.java());
    command.add("-Dcrossdock.home=" + HOME);
    command.add("-cp");
    command.add(
        HOME.resolve("launcher/target/classes")
            + ":"
            + Files.readString(HOME.resolve("launcher/target/classpath")).strip());
    command.add(Launcher.class.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.environment().put("CROSSDOCK_STATE", state.root().toString());
    builder.environment().put("CROSSDOCK_PORTS", Integer.toString(ports.base()));
    Process process = builder.start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    return process.exitValue();
  }
}
