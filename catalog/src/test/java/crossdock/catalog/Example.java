package crossdock.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;

/**
 * A machine between two sites that a concern is about, and what spares it: one change more. Both
 * are JSON merge patches (RFC 7396) of a machine and sites that nothing is to be said of.
 *
 * @param text what is said
 */
record Example(JsonNode triggers, String text, JsonNode spares) {
  private static final ObjectMapper MAPPER = Json.mapper();
  private static final JsonNode BASE = read("base.json");

  /** A machine between two sites. */
  record Case(Machine machine, Listing source, Listing target, Fact.Mode mode) {
    static Case of(JsonNode node) {
      return new Case(
          Json.read(node.get("machine").toString(), Machine.class),
          Json.read(node.get("source").toString(), Listing.class),
          Json.read(node.get("target").toString(), Listing.class),
          Fact.Mode.valueOf(node.get("mode").asText()));
    }
  }

  static Example of(String code) {
    JsonNode file = read("examples/" + code + ".json");
    return new Example(file.get("triggers"), file.get("text").asText(), file.get("spares"));
  }

  static Case base() {
    return Case.of(BASE);
  }

  JsonNode triggering() {
    return merged(BASE, triggers);
  }

  JsonNode spared() {
    return merged(triggering(), spares);
  }

  private static JsonNode read(String name) {
    try (InputStream file = Objects.requireNonNull(Example.class.getResourceAsStream(name), name)) {
      return MAPPER.readTree(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonNode merged(JsonNode target, JsonNode patch) {
    if (!patch.isObject()) {
      return patch;
    }
    ObjectNode merged = target.isObject() ? target.deepCopy() : MAPPER.createObjectNode();
    patch
        .properties()
        .forEach(
            field -> {
              if (field.getValue().isNull()) {
                JsonNode _ = merged.remove(field.getKey());
              } else {
                JsonNode _ =
                    merged.set(
                        field.getKey(), merged(merged.path(field.getKey()), field.getValue()));
              }
            });
    return merged;
  }
}
