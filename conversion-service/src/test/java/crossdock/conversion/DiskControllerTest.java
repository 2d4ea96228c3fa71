package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Certificate;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Sha256;
import crossdock.contracts.Subject;
import crossdock.disk.codec.Zstd;
import crossdock.providers.DiskTicket;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk goes to the dock that it was opened for, and to nobody else, whatever they ask for. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class DiskControllerTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "one");
  private static final MigrationId OTHER =
      MigrationId.of(new Subject("https://idp", "alice"), "two");

  private final Parties parties = new Parties();
  private final Path root;
  private final EmbeddedServer server;
  private final Openings openings;
  private final byte[] content = new byte[4096];
  private final Map<String, HttpClient> clients = new HashMap<>();

  DiskControllerTest(@TempDir Path directory) throws IOException {
    root = Files.createDirectory(directory.resolve("site"));
    Arrays.fill(content, (byte) 7);
    Files.write(root.resolve("root.raw"), content);
    Files.write(directory.resolve("secret.raw"), content);
    Files.createSymbolicLink(root.resolve("out"), directory);
    Map<String, Object> all = TestDock.configuration(parties, Parties.NORTH, directory, root);
    TestDock.serves(all);
    server = ApplicationContext.run(EmbeddedServer.class, all);
    openings = server.getApplicationContext().getBean(Openings.class);
  }

  @AfterAll
  void close() {
    clients.values().forEach(HttpClient::shutdownNow);
    server.close();
  }

  @BeforeEach
  void open() {
    openings.open(
        ID,
        new Openings.Opening(
            new DiskTicket.Image("root", "root.raw", "raw", content.length),
            Parties.SOUTH.dockUrn(),
            new Certificate.Disk("root", Sha256.NONE, content.length)));
  }

  private HttpResponse<byte[]> ask(Party party, String urn, String path)
      throws IOException, InterruptedException {
    return ask(clients.computeIfAbsent(party + " as " + urn, _ -> client(party, urn)), path);
  }

  private HttpClient client(Party party, String urn) {
    return HttpClient.newBuilder().sslContext(parties.context(party, urn)).build();
  }

  private HttpResponse<byte[]> ask(HttpClient client, String path)
      throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(server.getURI().resolve("/v1/migrations/" + path)).build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }

  private int status(String path) throws IOException, InterruptedException {
    return ask(Parties.SOUTH, Parties.SOUTH.dockUrn(), path).statusCode();
  }

  @Test
  void theTargetsDockGetsTheChunksThatThereAreAndNoOthers() throws Exception {
    HttpResponse<byte[]> chunk =
        ask(Parties.SOUTH, Parties.SOUTH.dockUrn(), ID + "/disks/root/chunks/0");
    assertThat(chunk.statusCode()).isEqualTo(200);
    assertThat(chunk.body()).isEqualTo(content);
    assertThat(status(ID + "/disks/root/chunks/1")).isEqualTo(404);
    assertThat(status(ID + "/disks/root/chunks/-1")).isEqualTo(404);
    assertThat(status(ID + "/disks/root/chunks/9223372036854775807")).isEqualTo(404);
    assertThat(status(ID + "/disks/root/chunks/x")).isEqualTo(400);
  }

  @Test
  void whoAcceptsItGetsAChunkCompressedWhereThatIsSmaller() throws Exception {
    HttpClient client = client(Parties.SOUTH, Parties.SOUTH.dockUrn());
    byte[] other = new byte[content.length];
    new Random(1).nextBytes(other);
    for (boolean random : new boolean[] {false, true}) {
      openings.close(ID);
      open();
      Files.write(root.resolve("root.raw"), random ? other : content);
      HttpResponse<byte[]> answer =
          client.send(
              HttpRequest.newBuilder(
                      server.getURI().resolve("/v1/migrations/" + ID + "/disks/root/chunks/0"))
                  .header("Accept-Encoding", "zstd")
                  .build(),
              HttpResponse.BodyHandlers.ofByteArray());
      if (random) {
        assertThat(answer.headers().firstValue("Content-Encoding")).isEmpty();
        assertThat(answer.body()).isEqualTo(other);
      } else {
        assertThat(answer.headers().firstValue("Content-Encoding")).contains("zstd");
        byte[] chunk = new byte[content.length];
        Zstd.decompress(answer.body(), chunk);
        assertThat(chunk).isEqualTo(content);
        assertThat(answer.body()).hasSizeLessThan(100);
      }
    }
    client.shutdownNow();
    Files.write(root.resolve("root.raw"), content);
    openings.close(ID);
  }

  @Test
  void whoeverElseWantsTheDiskIsForbidden() throws Exception {
    String path = ID + "/disks/root/chunks/0";
    assertForbidden(ask(Parties.WEST, Parties.WEST.dockUrn(), path));
    assertForbidden(ask(Parties.SOUTH, Parties.SOUTH.urn(), path));
    assertForbidden(ask(Parties.NORTH, Parties.NORTH.dockUrn(), path));
    assertForbidden(ask(Parties.GATEWAY, Parties.GATEWAY.urn(), path));
    // A member whose own CA names the target's dock.
    assertForbidden(ask(Parties.WEST, Parties.SOUTH.dockUrn(), path));
    assertForbidden(ask(Parties.GATEWAY, Parties.SOUTH.dockUrn(), path));
  }

  private static void assertForbidden(HttpResponse<byte[]> answer) {
    assertThat(answer.statusCode()).isEqualTo(403);
    assertThat(new String(answer.body(), StandardCharsets.UTF_8))
        .contains("urn:crossdock:problem:forbidden");
  }

  @Test
  void theTargetGetsNoOtherDiskAndNoneOfAnotherMigration() throws Exception {
    for (String path :
        List.of(
            ID + "/disks/data/chunks/0",
            ID + "/disks/ROOT/chunks/0",
            ID + "/disks/root./chunks/0",
            ID + "/disks/..%2Froot.raw/chunks/0",
            OTHER + "/disks/root/chunks/0",
            OTHER + "/disks/root/leaves")) {
      assertThat(status(path)).as(path).isIn(403, 404);
    }
    assertThat(status("m-1/disks/root/chunks/0")).isEqualTo(400);
  }

  @Test
  void whoseCertificateIsRevokedGetsNoOtherChunk() throws Exception {
    String urn = Parties.SOUTH.dockUrn();
    try (HttpClient client = client(Parties.SOUTH, urn)) {
      assertThat(ask(client, ID + "/disks/root/chunks/0").statusCode()).isEqualTo(200);
      server.getApplicationContext().getBean(Trust.class).offer(parties.revoking(urn));
      assertForbidden(ask(client, ID + "/disks/root/chunks/0"));
    }
  }

  @Test
  void aDiskThatWasClosedIsNobodys() throws Exception {
    openings.close(ID);
    assertThat(status(ID + "/disks/root/chunks/0")).isEqualTo(403);
    assertThat(status(ID + "/disks/root/leaves")).isEqualTo(403);
  }

  @Test
  void aTicketOpensNothingOutsideTheSitesDirectory() {
    Sites sites = server.getApplicationContext().getBean(Sites.class);
    for (String path :
        List.of("../secret.raw", "out/secret.raw", "/etc/passwd", "", ".", "a/../../secret.raw")) {
      DiskTicket ticket = new DiskTicket.Image("root", path, "raw", content.length);
      assertThatThrownBy(() -> sites.source(ticket)).as(path).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> sites.sink(ticket)).as(path).isInstanceOf(IOException.class);
    }
    assertThat(root.resolveSibling("secret.raw")).hasBinaryContent(content);
  }
}
