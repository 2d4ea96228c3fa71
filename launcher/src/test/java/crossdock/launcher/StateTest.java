package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateTest {
  private static final int ASKING = 8;

  @TempDir private Path directory;

  @Test
  void whoeverAsksForASecretFirstAtTheSameTimeGetsTheSame() throws Exception {
    State state = new State(directory);
    CyclicBarrier together = new CyclicBarrier(ASKING);
    try (ExecutorService threads = Executors.newFixedThreadPool(ASKING)) {
      for (int n = 0; n < 100; n++) {
        String name = "dock." + n;
        Callable<String> asking =
            () -> {
              together.await();
              return state.secret(name);
            };
        Set<String> words = new HashSet<>();
        for (Future<String> word : threads.invokeAll(Collections.nCopies(ASKING, asking))) {
          words.add(word.get());
        }
        assertThat(words).hasSize(1);
        assertThat(state.secret(name)).isIn(words).matches("[0-9A-Za-z]{32}");
      }
    }
    assertThat(directory.resolve("secrets").toFile().list()).hasSize(100);
  }

  @Test
  void aSecretIsItsOwnersAlone() throws Exception {
    State state = new State(directory);
    String word = state.secret("key");
    assertThat(Files.getPosixFilePermissions(directory.resolve("secrets/key")))
        .containsExactlyInAnyOrder(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
    assertThat(state.secret("key")).isEqualTo(word);
    assertThat(state.secret("other")).isNotEqualTo(word);
  }
}
