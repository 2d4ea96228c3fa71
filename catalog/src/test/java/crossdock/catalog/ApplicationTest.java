package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.Operator;
import crossdock.chassis.testing.TestParty;
import crossdock.contracts.CoreService;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplicationTest {
  @Test
  void theServiceStartsWithItsListingAndShowsItToAnybody(@TempDir Path directory) throws Exception {
    Map<String, Object> configuration = TestParty.configuration(CoreService.CATALOG, directory);
    Path listing = Files.writeString(directory.resolve("listing.json"), Sample.JSON);
    configuration.put("crossdock.catalog.listing", listing.toString());
    try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, configuration);
        HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<byte[]> answer =
          client.send(
              HttpRequest.newBuilder(server.getURI().resolve("/v1/sites")).build(),
              HttpResponse.BodyHandlers.ofByteArray());
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.headers().firstValue("content-type")).hasValue("application/json");
      assertThat(List.of(Json.read(answer.body(), Listing[].class))).isEqualTo(Sample.LISTINGS);
    }
  }

  @Test
  void itsOperatorAndNobodyElseListsAnewAndAListThatIsNoneChangesNothing(@TempDir Path directory)
      throws Exception {
    Map<String, Object> configuration = TestParty.configuration(CoreService.CATALOG, directory);
    Path listing = Files.writeString(directory.resolve("listing.json"), Sample.JSON);
    configuration.put("crossdock.catalog.listing", listing.toString());
    configuration.put("crossdock.operator.secret", "the operator's secret");
    try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, configuration);
        HttpClient client = HttpClient.newHttpClient()) {
      Sites sites = server.getApplicationContext().getBean(Sites.class);
      byte[] first = Json.bytes(List.of(Sample.LISTINGS.getFirst()));
      assertThat(put(client, server, "not the operator's", first)).isEqualTo(403);
      assertThat(put(client, server, "the operator's secret", new byte[] {1})).isEqualTo(400);
      assertThat(sites.all()).hasSameSizeAs(Sample.LISTINGS);
      assertThat(put(client, server, "the operator's secret", first)).isEqualTo(204);
      assertThat(sites.all()).containsExactly(Sample.LISTINGS.getFirst());
    }
  }

  private static int put(HttpClient client, EmbeddedServer server, String secret, byte[] body)
      throws Exception {
    return client
        .send(
            HttpRequest.newBuilder(server.getURI().resolve("/operator/listing"))
                .header("Content-Type", "application/json")
                .header(Operator.HEADER, secret)
                .PUT(HttpRequest.BodyPublishers.ofByteArray(body))
                .build(),
            HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }
}
