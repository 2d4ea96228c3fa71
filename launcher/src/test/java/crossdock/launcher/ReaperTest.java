package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReaperTest {
  @TempDir Path directory;
  private final Process stranger = stranger();

  @AfterEach
  void endTheStranger() {
    stranger.destroyForcibly();
  }

  @Test
  void whatWasStartedHereIsEndedWithItsChildrenAndNothingElse() throws Exception {
    State state = new State(directory);
    Process started =
        Spawn.daemon(state, daemon(state, List.of("bash", "-c", "sleep 1000 & sleep 1000; true")));
    await(() -> started.children().count() == 2);
    List<ProcessHandle> children = started.children().toList();
    // A number that now belongs to somebody else, and a guest's that is no guest.
    State.write(state.run("stale").resolve("pid"), stranger.pid() + " 1\n");
    State.write(
        State.directory(state.site("north").resolve("guests")).resolve("g.pid"),
        stranger.pid() + "\n");

    Reaper.sweep(state);

    assertThat(started.waitFor(5, TimeUnit.SECONDS)).isTrue();
    await(() -> children.stream().noneMatch(ReaperTest::lives));
    assertThat(stranger.isAlive()).isTrue();
  }

  @Test
  void aProcessIsKnownByItsNumberAndStartTogether() throws Exception {
    State state = new State(directory);
    Process started = Spawn.daemon(state, daemon(state, List.of("sleep", "1000")));
    await(() -> Spawn.running(state.pidFile("test")).isPresent());
    State.write(state.pidFile("test"), started.pid() + " 1\n");
    assertThat(Spawn.running(state.pidFile("test"))).isEmpty();
    Reaper.sweep(state);
    assertThat(started.waitFor(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aPortInUseIsOneSentenceThatNamesPortAndHolder() throws Exception {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.1.1.1"))) {
      int port = socket.getLocalPort();
      assertThatThrownBy(() -> Preflight.free(new Preflight.Endpoint("127.1.1.1", port)))
          .isInstanceOfSatisfying(
              Refusal.class, r -> assertThat(r.status).isEqualTo(Refusal.CANNOT_START))
          .hasMessageContaining("Port " + port + " on 127.1.1.1 is in use by")
          .hasMessageContaining("pid " + ProcessHandle.current().pid());
    }
  }

  @Test
  void tooLittleMemoryIsOneSentenceThatSaysHowMuchIsNeeded() throws Exception {
    Path memory = directory.resolve("meminfo");
    Files.writeString(memory, "MemTotal: 9000000 kB\nMemAvailable: 6291455 kB\n");
    assertThatThrownBy(() -> Preflight.room(new State(directory), memory))
        .isInstanceOfSatisfying(
            Refusal.class, r -> assertThat(r.status).isEqualTo(Refusal.CANNOT_START))
        .hasMessage(
            "Only 6143 MiB of memory are available, and 6144 are needed: end some programs first.");
    Files.writeString(memory, "MemTotal: 9000000 kB\nMemAvailable: 6291456 kB\n");
    Preflight.room(new State(directory), memory);
  }

  private static Daemon daemon(State state, List<String> command) {
    return new Daemon(
        "test",
        state.run("test"),
        command,
        Map.of(),
        Daemon.Signal.TERM,
        Duration.ofSeconds(1),
        Duration.ofSeconds(10),
        "",
        () -> true);
  }

  private static boolean lives(ProcessHandle handle) {
    try {
      return !Spawn.startTime(handle.pid()).isEmpty();
    } catch (java.io.IOException e) {
      return false;
    }
  }

  private static void await(java.util.function.BooleanSupplier condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  private static Process stranger() {
    try {
      return new ProcessBuilder("sleep", "1000").redirectInput(new File("/dev/null")).start();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
