package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.conformance.Passage;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever becomes of any one request to the cloud: the call that made it is made again, and ends
 * as if nothing had been. {@code -Dcrossdock.faults=N} spoils so many; {@code kinds} the first
 * request of each kind, in one run; {@code all} every {@value #STRIDE}th, in as many runs, each
 * beginning with the next, and then the kinds that this passed over. {@code -Dcrossdock.seed=S}
 * does the same again.
 */
@Timeout(36_000)
final class FaultsTest {
  private static final int TRIES = 30;
  private static final int STRIDE = 23; // a call makes fewer requests, but for waiting

  private final Lab lab = Lab.here();
  private final OpenStackFixture fixture;
  private final Proxy proxy = new Proxy();
  private final Account account;
  private int number;

  FaultsTest(@TempDir Path directory) throws IOException {
    fixture = new OpenStackFixture(lab, directory, OpenStack.LOCAL);
    account = lab.through(proxy);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    proxy.close();
    lab.forget(account);
    fixture.close();
  }

  @Test
  void everyRequestMayFail() throws Exception {
    Map<String, String> before = fixture.inventory();
    proxy.spoilNothing();
    andBack(there());
    andBack(fixture.machine());
    undone();
    List<Proxy.Request> clean = proxy.asked();
    assertThat(fixture.inventory()).isEqualTo(before);
    String wanted = System.getProperty("crossdock.faults", "3");
    long seed = Long.getLong("crossdock.seed", System.nanoTime());
    boolean all = wanted.equals("all");
    boolean kinds = all || wanted.equals("kinds");
    int runs = all ? STRIDE : kinds ? 0 : Integer.parseInt(wanted);
    System.out.printf("%d requests, %d runs, seed %d%n", clean.size(), runs, seed);
    Random random = new Random(seed);
    List<Proxy.Fault> faults = List.copyOf(EnumSet.allOf(Proxy.Fault.class));
    Map<String, Set<Proxy.Fault>> spoiled = new TreeMap<>();
    for (int run = 1; run <= runs; run++) {
      int first = all ? run : 1 + random.nextInt(clean.size());
      spoil(
          "run " + run,
          (number, _) ->
              number == first || (all && number % STRIDE == first % STRIDE)
                  ? Optional.of(faults.get(random.nextInt(faults.size())))
                  : Optional.empty(),
          before,
          spoiled);
    }
    if (kinds) {
      // What is spoiled moves what comes behind it, so that a kind may have been passed over.
      Set<String> missed = new TreeSet<>(clean.stream().map(Proxy.Request::kind).toList());
      missed.removeAll(spoiled.keySet());
      Set<String> now = ConcurrentHashMap.newKeySet();
      spoil(
          "the first of " + missed,
          (_, request) ->
              missed.contains(request.kind()) && now.add(request.kind())
                  ? Optional.of(faults.get(random.nextInt(faults.size())))
                  : Optional.empty(),
          before,
          spoiled);
    }
    assertThat(spoiled).isNotEmpty();
    spoiled.forEach((kind, how) -> System.out.println(kind + ": " + how));
    if (kinds) {
      assertThat(spoiled.keySet()).containsAll(clean.stream().map(Proxy.Request::kind).toList());
    }
  }

  /** Everything once more, and all is as before. */
  private void spoil(
      String run,
      Proxy.Spoiling those,
      Map<String, String> before,
      Map<String, Set<Proxy.Fault>> spoiled)
      throws IOException, Refusal {
    proxy.spoil(those);
    andBack(there());
    andBack(fixture.machine());
    undone();
    List<Proxy.Spoiled> now = proxy.spoiled();
    System.out.println(run + ": " + now);
    now.forEach(
        one ->
            spoiled.computeIfAbsent(one.request().kind(), _ -> new TreeSet<>()).add(one.fault()));
    assertThat(fixture.inventory()).as("%s", now).isEqualTo(before);
  }

  /** A machine comes in, boots, and is accepted. */
  private String there() throws IOException, Refusal {
    Passage passage = Passage.into(fixture, ++number);
    String id = registered(passage);
    for (DiskTicket disk : insist(cloud -> cloud.readBack(passage.tag()))) {
      insist(
          _ -> {
            passage.assertHolds(disk, fixture.image(disk.disk()));
            return true;
          });
    }
    String sign = insist(cloud -> cloud.boot(passage.tag()));
    assertThat(sign).contains("CROSSDOCK-GUEST");
    insist(
        cloud -> {
          cloud.release(passage.tag());
          return true;
        });
    return id;
  }

  /** A machine comes in, and is removed before it boots. */
  private void undone() throws IOException, Refusal {
    Passage passage = Passage.into(fixture, ++number);
    String _ = registered(passage);
    insist(cloud -> cloud.remove(passage.tag()));
  }

  private String registered(Passage passage) throws IOException, Refusal {
    insist(
        cloud -> {
          passage.reserve(cloud);
          return true;
        });
    insist(
        cloud -> {
          for (DiskTicket place : cloud.prepare(passage.tag())) {
            writeOnce(passage, place);
          }
          return true;
        });
    return insist(cloud -> cloud.register(passage.tag()));
  }

  private static void writeOnce(Passage passage, DiskTicket place) throws IOException {
    try {
      passage.write(List.of(place));
    } catch (FileAlreadyExistsException e) {
      System.out.println(place.disk() + " was written by the attempt before");
    }
  }

  /** A machine is stopped, read, and let go if it was there before, else erased. */
  private void andBack(String machine) throws IOException, Refusal {
    boolean own = machine.equals(fixture.machine());
    Passage passage = Passage.away(fixture, ++number);
    insist(
        cloud -> {
          cloud.stop(machine, passage.tag());
          return true;
        });
    for (DiskTicket disk : insist(cloud -> cloud.open(machine, passage.tag()))) {
      insist(
          _ -> {
            passage.assertHolds(
                disk, own ? fixture.content(disk.disk()) : fixture.image(disk.disk()));
            return true;
          });
    }
    insist(
        cloud -> {
          if (own) {
            cloud.restore(machine, passage.tag());
          } else {
            cloud.retire(machine, passage.tag(), true);
          }
          return true;
        });
    assertThat(fixture.runs(machine)).isEqualTo(own);
  }

  private interface Call<T> {
    T on(Cloud cloud) throws IOException, Refusal;
  }

  /** As a worker does it: again, while it may pass; a verdict would be wrong here. */
  private <T> T insist(Call<T> call) throws IOException, Refusal {
    for (int attempt = 1; ; attempt++) {
      try (Cloud cloud = fixture.cloud(account)) {
        return call.on(cloud);
      } catch (IOException e) {
        if (attempt == TRIES) {
          throw e;
        }
      }
    }
  }
}
