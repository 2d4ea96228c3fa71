package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RealmsTest {
  private static final Ports PORTS = new Ports(19_000);

  @Test
  void theBrokersTokensAreForTheApiAndAProvidersForItsServices() throws Exception {
    JsonNode broker = Realms.broker(name -> "p-" + name).path("clients").path(0);
    assertThat(broker.path("clientId").asText()).isEqualTo("crossdock-cli");
    assertThat(audience(broker)).isEqualTo("crossdock-api");
    JsonNode north = Realms.provider("north", name -> "p-" + name).path("clients").path(0);
    assertThat(north.path("clientId").asText()).isEqualTo("customer-cli");
    assertThat(audience(north)).isEqualTo("export-import");
    JsonNode link = Realms.provider("north", name -> "p-" + name).path("clients").path(1);
    assertThat(link.path("clientId").asText()).isEqualTo("link-cli");
    assertThat(audience(link)).isEqualTo("crossdock-link");
  }

  @Test
  void aCustomerHasAnotherNameSubjectAndPasswordEverywhere() throws Exception {
    JsonNode alice = Realms.customers(PORTS, name -> "p-" + name).path("alice");
    Set<String> seen = new HashSet<>();
    for (String realm : new String[] {"crossdock", "north", "south"}) {
      JsonNode account = alice.path(realm);
      assertThat(seen.add(account.path("username").asText())).isTrue();
      assertThat(seen.add(account.path("subject").asText())).isTrue();
      assertThat(seen.add(account.path("password").asText())).isTrue();
      assertThat(account.path("token").asText())
          .isEqualTo("http://127.0.0.1:19053/realms/" + realm + "/protocol/openid-connect/token");
    }
  }

  @Test
  void whatTheDemoLogsInWithIsWhatTheRealmWasGiven() throws Exception {
    JsonNode bob = Realms.customers(PORTS, name -> "p-" + name).path("bob").path("south");
    JsonNode users = Realms.provider("south", name -> "p-" + name).path("users");
    assertThat(users)
        .anySatisfy(
            user -> {
              assertThat(user.path("username")).isEqualTo(bob.path("username"));
              assertThat(user.path("id")).isEqualTo(bob.path("subject"));
              assertThat(user.path("credentials").path(0).path("value"))
                  .isEqualTo(bob.path("password"));
            });
  }

  @Test
  void aPartnersTokenIsGotWithASecretAndSaysWhoseItIs() throws Exception {
    JsonNode broker = Realms.broker(name -> "p-" + name);
    JsonNode partner = broker.path("clients").path(1);
    JsonNode account = Realms.customers(PORTS, name -> "p-" + name).path(Realms.PARTNER);
    assertThat(partner.path("clientId").asText()).isEqualTo(Realms.PARTNER);
    assertThat(partner.path("secret")).isEqualTo(account.path("crossdock").path("secret"));
    assertThat(partner.path("publicClient").asBoolean()).isFalse();
    assertThat(audience(partner)).isEqualTo("crossdock-api");
    assertThat(partner.path("protocolMappers").path(1).path("config").path("claim.value").asText())
        .isEqualTo(Realms.PARTNER);
    assertThat(broker.path("clients").path(0).toString()).doesNotContain("\"partner\"");
  }

  @Test
  void noPlaceholderIsLeft() throws Exception {
    assertThat(Realms.provider("north", name -> "p").toString()).doesNotContain("${");
  }

  private static String audience(JsonNode client) {
    return client
        .path("protocolMappers")
        .path(0)
        .path("config")
        .path("included.custom.audience")
        .asText();
  }
}
