package crossdock.providers.examination;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import java.io.IOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * With packets between two network namespaces: one is the subnet, and the other one all the world,
 * whose closed ports answer with a refusal.
 */
@Timeout(60)
final class SubnetExaminationTest {
  private static final String OWN = "198.51.100.2";
  private static final String WORLD = "198.51.100.1";
  private static final Set<InetSocketAddress> BROKER = Set.of(at(WORLD, 9092));
  private static final Set<InetSocketAddress> OTHERS = Set.of(at(WORLD, 7000));
  private static final String ISOLATED =
      """
      table inet crossdock {
        chain out {
          type filter hook output priority 0; policy drop;
          ct state established accept
          ip daddr %s tcp dport 9092 accept
        }
      }
      """
          .formatted(WORLD);

  private final String id = "t" + UUID.randomUUID().toString().substring(0, 8);
  private final String name = id + ".VMExportSubnet";
  private final String world = id + ".world";

  private static InetSocketAddress at(String host, int port) {
    return InetSocketAddress.createUnresolved(host, port);
  }

  @BeforeEach
  @SuppressWarnings("SystemOut")
  void twoNamespaces() throws Exception {
    boolean can =
        Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)
            && Stream.of("ip", "nft")
                .allMatch(
                    tool ->
                        Stream.of("/usr/sbin", "/sbin", "/usr/bin", "/bin")
                            .anyMatch(place -> Files.isExecutable(Path.of(place, tool))));
    if (!can) {
      System.out.println("NOT CHECKED: subnets with packets, for lack of root, iproute2, nftables");
    }
    assumeTrue(can, "network namespaces need root, iproute2 and nftables");
    ip("netns add " + name);
    ip("netns add " + world);
    ip("-netns " + name + " link add e0 mtu 1400 type veth peer name w0 mtu 1400 netns " + world);
    ip("-netns " + name + " address add " + OWN + "/24 dev e0");
    ip("-netns " + world + " address add " + WORLD + "/24 dev w0");
    ip("-netns " + world + " address add 169.254.169.254/32 dev w0");
    ip("-netns " + name + " link set e0 up");
    ip("-netns " + world + " link set w0 up");
    ip("-netns " + name + " route add default via " + WORLD);
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (Files.exists(Path.of("/run/netns", name))) {
      ip("netns delete " + name);
    }
    if (Files.exists(Path.of("/run/netns", world))) {
      ip("netns delete " + world);
    }
  }

  private static void ip(String words) throws Exception {
    run(Stream.concat(Stream.of("ip"), Stream.of(words.split(" ", -1))).toList(), "");
  }

  private static void run(List<String> command, String input) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (Writer to = process.outputWriter(StandardCharsets.UTF_8)) {
      to.write(input);
    }
    assertThat(process.waitFor()).as("%s", command).isZero();
  }

  private void rules(String rules) throws Exception {
    run(List.of("ip", "netns", "exec", name, "nft", "-f", "-"), rules);
  }

  private Check examine(String address) throws IOException {
    return new SubnetExamination(name).examine("export-subnet", address, BROKER, OTHERS);
  }

  @Test
  void whatLeadsNowhereButWhereItIsPromisedPasses() throws Exception {
    rules(ISOLATED);
    assertThat(examine(OWN))
        .satisfies(
            check -> {
              assertThat(check.outcome()).as("%s", check).isEqualTo(Outcome.PASSED);
              assertThat(check.detail()).contains("MTU 1400", "1 of what is promised answer");
            });
  }

  @Test
  void whatLeadsAnywhereElseIsFound() throws Exception {
    for (int port : List.of(22, 7000)) {
      rules("flush ruleset\n" + ISOLATED.replace("9092", "{9092, " + port + "}"));
      assertThat(examine(OWN))
          .isEqualTo(
              new Check(
                  "export-subnet",
                  1,
                  Outcome.FAILED,
                  "not promised, and answers: " + WORLD + ":" + port));
    }
    rules("flush ruleset\n" + ISOLATED.replace(WORLD, "0.0.0.0/0").replace("9092", "{80, 9092}"));
    assertThat(examine(OWN).detail()).contains("169.254.169.254:80");
    rules("flush ruleset");
    assertThat(examine(OWN).detail()).contains(WORLD + ":22", WORLD + ":5432", WORLD + ":7000");
  }

  @Test
  void anAddressThatIsNotThereIsFound() throws Exception {
    rules(ISOLATED);
    assertThat(examine("198.51.100.3"))
        .extracting(Check::outcome, Check::detail)
        .containsExactly(Outcome.FAILED, name + " has not the address 198.51.100.3");
  }

  @Test
  void whatReachesNothingShowsNothing() throws Exception {
    rules(ISOLATED.replace("9092", "1"));
    assertThat(examine(OWN).outcome()).isEqualTo(Outcome.ERROR);
  }

  @Test
  void aSubnetOfAnotherNameIsNotThere() throws Exception {
    Check check =
        new SubnetExamination(id + ".vmexportsubnet").examine("export-subnet", OWN, BROKER, OTHERS);
    assertThat(check.outcome()).isEqualTo(Outcome.SKIPPED);
    assertThat(check.detail()).contains("no network namespace " + id + ".vmexportsubnet");
  }
}
