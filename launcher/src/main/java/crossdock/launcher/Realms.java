package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;

/**
 * The identity providers of the embedded default: the broker's realm and one for each provider,
 * with the same two customers under other names and subjects in each; and, at the broker, the
 * client of a partner.
 */
final class Realms {
  static final String BROKER = "crossdock";
  static final String BROKER_AUDIENCE = "crossdock-api";
  static final String BROKER_CLIENT = "crossdock-cli";
  static final String PROVIDER_AUDIENCE = "export-import";
  static final String PROVIDER_CLIENT = "customer-cli";

  /** Of what proves an account to identity-federation, and is good for nothing at the provider. */
  static final String LINK_AUDIENCE = "crossdock-link";

  static final String LINK_CLIENT = "link-cli";

  /** The demo's partner; its client at the broker is called so, too. */
  static final String PARTNER = "demo-partner";

  private static final List<String> CUSTOMERS = List.of("alice", "bob");
  private static final ObjectMapper JSON = new ObjectMapper();

  private Realms() {}

  /** What a token says and customers use, wherever Keycloak runs. */
  static String issuer(Place place, String realm) {
    return url(place.published(), realm);
  }

  /** What services read. */
  static String jwks(Place place, String realm) {
    return url(place, realm) + "/protocol/openid-connect/certs";
  }

  static String token(Place place, String realm) {
    return issuer(place, realm) + "/protocol/openid-connect/token";
  }

  private static String url(Place place, String realm) {
    return "http://" + place.keycloak().address() + "/realms/" + realm;
  }

  /** Writes what Keycloak imports at its first start, and what the demo's customers log in with. */
  static void write(State state, Place place, Path imports) throws IOException {
    UnaryOperator<String> password = name -> state.secret("customer." + name);
    State.write(imports.resolve(BROKER + "-realm.json"), pretty(broker(password)));
    for (Site site : Site.ALL) {
      String realm = site.provider();
      State.write(imports.resolve(realm + "-realm.json"), pretty(provider(realm, password)));
    }
    State.write(state.customers(), pretty(customers(place, password)));
  }

  static ObjectNode broker(UnaryOperator<String> password) throws IOException {
    ObjectNode realm = filled("realm-crossdock.json", BROKER, password);
    for (JsonNode client : realm.path("clients")) {
      if (client instanceof ObjectNode own && own.path("clientId").asText().equals(PARTNER)) {
        own.put("secret", password.apply(BROKER + "." + PARTNER));
      }
    }
    return realm;
  }

  static ObjectNode provider(String provider, UnaryOperator<String> password) throws IOException {
    return filled("realm-provider.json", provider, password);
  }

  private static ObjectNode filled(String template, String realm, UnaryOperator<String> password)
      throws IOException {
    try (InputStream in = Realms.class.getResourceAsStream(template)) {
      if (in == null) {
        throw new IllegalStateException(template + " is not on the class path");
      }
      String text =
          new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("${provider}", realm);
      ObjectNode root = (ObjectNode) JSON.readTree(text);
      ArrayNode users = root.withArrayProperty("users");
      for (String customer : CUSTOMERS) {
        String name = account(customer, realm);
        ObjectNode user = users.addObject();
        user.put("id", subject(realm, name))
            .put("username", name)
            .put("enabled", true)
            .put("email", name + "@example.org")
            .put("emailVerified", true)
            .put("firstName", customer)
            .put("lastName", realm);
        user.putArray("credentials")
            .addObject()
            .put("type", "password")
            .put("value", password.apply(realm + "." + name))
            .put("temporary", false);
      }
      return root;
    }
  }

  static ObjectNode customers(Place place, UnaryOperator<String> password) {
    ObjectNode root = JSON.createObjectNode();
    for (String customer : CUSTOMERS) {
      ObjectNode accounts = root.putObject(customer);
      account(accounts, place, BROKER, BROKER_CLIENT, customer, password);
      for (Site site : Site.ALL) {
        account(accounts, place, site.provider(), PROVIDER_CLIENT, customer, password);
      }
    }
    root.putObject(PARTNER)
        .putObject(BROKER)
        .put("token", token(place, BROKER))
        .put("client", PARTNER)
        .put("secret", password.apply(BROKER + "." + PARTNER));
    return root;
  }

  private static void account(
      ObjectNode accounts,
      Place place,
      String realm,
      String client,
      String customer,
      UnaryOperator<String> password) {
    String name = account(customer, realm);
    accounts
        .putObject(realm)
        .put("token", token(place, realm))
        .put("client", client)
        .put("linkClient", LINK_CLIENT)
        .put("username", name)
        .put("password", password.apply(realm + "." + name))
        .put("subject", subject(realm, name));
  }

  /** {@code alice} at the broker, {@code alice-n} at north. */
  static String account(String customer, String realm) {
    return realm.equals(BROKER) ? customer : customer + "-" + realm.charAt(0);
  }

  static String subject(String realm, String account) {
    return UUID.nameUUIDFromBytes((realm + "/" + account).getBytes(StandardCharsets.UTF_8))
        .toString();
  }

  private static String pretty(ObjectNode node) {
    return node.toPrettyString() + "\n";
  }
}
