package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.conformance.Passage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The requests by which machines were moved by hand in D. G. Kargatzis, "Virtual Machine Deployment
 * and Migration on Heterogeneous Cloud Platforms" (Technical University of Crete): section 4.1
 * between two OpenStacks, 4.2 out of one. Each is made here by the adapter, seen on its way to a
 * real cloud.
 */
@Timeout(600)
final class ByHandTest {
  private final Lab lab = Lab.here();
  private final OpenStackFixture fixture;
  private final Proxy proxy = new Proxy();
  private final Account account;

  ByHandTest(@TempDir Path directory) throws IOException {
    fixture = new OpenStackFixture(lab, directory);
    account = lab.through(proxy);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    proxy.close();
    lab.forget(account);
    fixture.close();
  }

  @TestFactory
  Stream<DynamicTest> chapter4() throws Exception {
    proxy.spoilNothing();
    Passage away = Passage.away(fixture, 1);
    try (Cloud cloud = fixture.cloud(account)) {
      assertThat(cloud.machines(fixture.owner())).hasSize(1);
      cloud.stop(fixture.machine(), away.tag());
      for (DiskTicket disk : cloud.open(fixture.machine(), away.tag())) {
        away.assertHolds(disk, fixture.content(disk.disk()));
      }
      cloud.restore(fixture.machine(), away.tag());
    }
    List<Proxy.Request> out = proxy.asked();
    proxy.spoilNothing();
    Passage into = Passage.into(fixture, 2);
    try (Cloud cloud = fixture.cloud(account)) {
      into.reserve(cloud);
      into.write(cloud.prepare(into.tag()));
      assertThat(cloud.remove(into.tag())).isTrue();
    }
    List<Proxy.Request> in = proxy.asked();
    String image = "/v2/images/[0-9a-f-]{36}";
    return Stream.of(
        step("4.1 and 4.2, step 1: authentication at the source", out, "POST", "/v3/auth/tokens"),
        step("4.1 and 4.2, step 2: the list of instances", out, "GET", "/v2.1/servers/detail"),
        step(
            "4.1 and 4.2, step 3: create a snapshot",
            out,
            "POST",
            "/v2.1/servers/" + fixture.machine() + "/action"),
        step("4.1 and 4.2, step 4: the list of images", out, "GET", "/v2/images"),
        step("4.1 and 4.2, step 5: download the snapshot", out, "GET", image + "/file"),
        step("4.1, step 6: authentication at the target", in, "POST", "/v3/auth/tokens"),
        step("4.1, step 7: create a new image", in, "POST", "/v2/images"),
        step("4.1, step 8: upload the reference file", in, "PUT", image + "/file"),
        dynamicTest(
            "4.1, step 8: not more than the data",
            () -> assertThat(sent(in)).isBetween(data(), data() + (2L << 20))));
  }

  private static DynamicTest step(
      String name, List<Proxy.Request> asked, String method, String path) {
    return dynamicTest(
        name,
        () ->
            assertThat(asked)
                .anyMatch(one -> one.method().equals(method) && one.path().matches(path)));
  }

  private static long sent(List<Proxy.Request> asked) {
    return asked.stream()
        .filter(one -> one.method().equals("PUT"))
        .mapToLong(Proxy.Request::bytes)
        .sum();
  }

  /** Of disks of 2 GiB. The boot sector's is a cluster of 64 KiB. */
  private long data() {
    return fixture.content("data").length;
  }
}
