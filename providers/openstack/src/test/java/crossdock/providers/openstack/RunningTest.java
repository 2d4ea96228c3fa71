package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.conformance.Passage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that is opened while it runs is paused for its snapshots, and goes on whatever becomes
 * of any request: {@code -Dcrossdock.faults=N} of them, or {@code all}, each in a run of its own.
 * {@code -Dcrossdock.seed=S} does the same again.
 */
@Timeout(36_000)
final class RunningTest {
  private static final int TRIES = 30;

  private final Lab lab = Lab.here();
  private final OpenStackFixture fixture;
  private final Proxy proxy = new Proxy();
  private final Account account;
  private final Map<String, String> before;
  private int number;

  RunningTest(@TempDir Path directory) throws IOException {
    fixture = new OpenStackFixture(lab, directory);
    account = lab.through(proxy);
    before = fixture.inventory();
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    proxy.close();
    lab.forget(account);
    fixture.close();
  }

  @Test
  void aServerThatWasPausedGoesOnWhateverFails() throws Exception {
    int calls = opened((_, _) -> Optional.empty());
    String wanted = System.getProperty("crossdock.faults", "2");
    long seed = Long.getLong("crossdock.seed", System.nanoTime());
    System.out.printf("%d requests, seed %d%n", calls, seed);
    Random random = new Random(seed);
    List<Integer> positions =
        wanted.equals("all")
            ? IntStream.rangeClosed(1, calls).boxed().toList()
            : random.ints(Integer.parseInt(wanted), 1, calls + 1).boxed().toList();
    List<Proxy.Fault> faults = List.copyOf(EnumSet.allOf(Proxy.Fault.class));
    for (int position : positions) {
      Proxy.Fault fault = faults.get(random.nextInt(faults.size()));
      int _ = opened((one, _) -> one == position ? Optional.of(fault) : Optional.empty());
      Tag tag = Passage.away(fixture, ++number).tag();
      proxy.spoil((one, _) -> one >= position ? Optional.of(Proxy.Fault.LOST) : Optional.empty());
      try (Cloud cloud = fixture.cloud(account)) {
        List<DiskTicket> _ = cloud.open(fixture.machine(), tag);
      } catch (IOException e) {
        System.out.println("given up at " + position + ": " + e.getMessage());
      }
      proxy.spoilNothing();
      try (Cloud cloud = fixture.cloud(account)) {
        cloud.close(tag);
      }
      assertThat(fixture.inventory()).as("given up at %d", position).isEqualTo(before);
    }
  }

  /** Opened, however often that has to be tried, read, and closed. */
  private int opened(Proxy.Spoiling spoiling) throws IOException, Refusal {
    Passage passage = Passage.away(fixture, ++number);
    proxy.spoil(spoiling);
    List<DiskTicket> disks = open(passage);
    assertThat(fixture.runs(fixture.machine())).isTrue();
    int calls = proxy.asked().size();
    assertThat(disks).hasSize(2);
    for (DiskTicket disk : disks) {
      passage.assertHolds(disk, fixture.content(disk.disk()));
    }
    proxy.spoilNothing();
    try (Cloud cloud = fixture.cloud(account)) {
      cloud.close(passage.tag());
    }
    assertThat(fixture.inventory()).isEqualTo(before);
    return calls;
  }

  private List<DiskTicket> open(Passage passage) throws IOException, Refusal {
    for (int attempt = 1; ; attempt++) {
      try (Cloud cloud = fixture.cloud(account)) {
        return cloud.open(fixture.machine(), passage.tag());
      } catch (IOException e) {
        if (attempt == TRIES) {
          throw e;
        }
      }
    }
  }
}
