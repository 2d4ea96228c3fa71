package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.chassis.Database;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.chassis.testing.TestParty;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.PublishedListing;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplicationTest {
  @Test
  void theServiceShowsAnybodyHowTheSitesStandAndWhatTheListedOnesOffer(@TempDir Path directory)
      throws Exception {
    Parties parties = TestSites.PARTIES;
    Map<String, Object> configuration =
        TestParty.configuration(parties, Parties.CATALOG, new TestDatabase(), directory);
    try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, configuration);
        HttpClient client = HttpClient.newHttpClient()) {
      Sites sites = server.getApplicationContext().getBean(Sites.class);
      Instant end = Instant.now().plusSeconds(7200);
      byte[] signed =
          new PublishedListing(
                  Sample.LISTINGS.getLast(),
                  3,
                  Instant.now(),
                  end,
                  parties.trust().site(Sample.SOUTH).orElseThrow().dock(),
                  "crossdock test")
              .sign(parties.key(Parties.SOUTH));
      server
          .getApplicationContext()
          .getBean(Database.class)
          .change(tx -> sites.take(tx, Parties.SOUTH.listing(), signed));
      sites.note();

      JsonNode shown = get(client, server, "/v1/sites");
      assertThat(shown.findValuesAsText("site"))
          .containsExactly("north:oslo", "south:roma", "west:porto");
      assertThat(shown.findValuesAsText("state")).containsExactly("APPLIED", "LISTED", "APPLIED");
      assertThat(shown.path(0)).hasSize(2);
      JsonNode south = shown.path(1);
      assertThat(Json.read(south.toString(), Listing.class)).isEqualTo(Sample.LISTINGS.getLast());
      assertThat(south.path("version").asLong()).isEqualTo(3);
      assertThat(south.path("expiresAt").asText()).isEqualTo(end.toString());

      JsonNode history = get(client, server, "/v1/sites/south:roma/history");
      assertThat(history.path(0).path("state").asText()).isEqualTo("LISTED");
      assertThat(history.path(0).path("version").asLong()).isEqualTo(3);
      assertThat(history.path(0).path("at").asText()).endsWith("Z");
      assertThat(get(client, server, "/v1/sites/east:paris/history")).isEmpty();
    }
  }

  private static JsonNode get(HttpClient client, EmbeddedServer server, String path)
      throws Exception {
    HttpResponse<byte[]> answer =
        client.send(
            HttpRequest.newBuilder(server.getURI().resolve(path)).build(),
            HttpResponse.BodyHandlers.ofByteArray());
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("content-type")).hasValue("application/json");
    return Json.read(answer.body(), JsonNode.class);
  }
}
