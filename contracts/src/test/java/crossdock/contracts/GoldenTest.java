package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonTypeName;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every text that was ever on the wire stays readable and means the same: the files in {@code
 * golden} are added to and never edited. A new fact needs one, and a schema.
 */
class GoldenTest {
  private static final JsonSchemaFactory SCHEMAS =
      JsonSchemaFactory.getInstance(
          SpecVersion.VersionFlag.V202012,
          builder ->
              builder.schemaMappers(
                  mappers ->
                      mappers
                          .mappings(
                              Map.of(
                                  "https://json-schema.org/draft/2020-12/schema",
                                  "classpath:draft/2020-12/schema"))
                          .mappings(GoldenTest::resource)));

  private static final Map<String, Class<?>> MESSAGES =
      Map.of(
          "report", Report.class,
          "event", Event.class,
          "assignment", Assignment.class,
          "progress", Progress.class,
          "listing", PublishedListing.class,
          "conformance", Conformance.class);

  private static @Nullable String resource(String iri) {
    String own = "urn:crossdock:schema:";
    return iri.startsWith(own)
        ? "classpath:crossdock/contracts/schema/" + iri.substring(own.length()) + ".json"
        : null;
  }

  static List<String> facts() {
    return Arrays.stream(Fact.class.getPermittedSubclasses())
        .filter(kind -> kind != Fact.Unknown.class)
        .map(kind -> kind.getAnnotation(JsonTypeName.class))
        .map(name -> name == null ? "a fact without wire name" : name.value())
        .toList();
  }

  static Stream<String> all() {
    return Stream.concat(facts().stream(), MESSAGES.keySet().stream().sorted());
  }

  private static byte[] golden(String name) throws IOException {
    try (InputStream in = GoldenTest.class.getResourceAsStream("/golden/" + name + ".json")) {
      if (in == null) {
        throw new AssertionError("no golden file of " + name);
      }
      return in.readAllBytes();
    }
  }

  private static List<String> violations(String schema, byte[] json) {
    JsonSchema validator =
        SCHEMAS.getSchema(
            SchemaLocation.of("urn:crossdock:schema:" + schema),
            SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build());
    return validator
        .validate(new String(json, StandardCharsets.UTF_8), com.networknt.schema.InputFormat.JSON)
        .stream()
        .map(Object::toString)
        .toList();
  }

  @ParameterizedTest
  @MethodSource("all")
  void aGoldenFileIsReadAndWrittenAgainAsTheSameBytes(String name) throws IOException {
    Class<?> type = MESSAGES.getOrDefault(name, Fact.class);
    Object read = Json.read(golden(name), type);
    assertThat(read).isNotInstanceOf(Fact.Unknown.class);
    assertThat(Json.text(read)).isEqualTo(new String(golden(name), StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @MethodSource("all")
  void aGoldenFileIsOfItsSchema(String name) throws IOException {
    assertThat(violations(name, golden(name))).isEmpty();
    if (!MESSAGES.containsKey(name)) {
      assertThat(violations("fact", golden(name))).isEmpty();
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void aSchemaAndTheReaderBothRefuseAMissingComponent(String name) throws IOException {
    var tree =
        (com.fasterxml.jackson.databind.node.ObjectNode) Json.mapper().readTree(golden(name));
    List<String> fields = new java.util.ArrayList<>();
    tree.fieldNames().forEachRemaining(fields::add);
    fields.remove("type");
    for (String field : fields) {
      var less = tree.deepCopy();
      less.remove(field);
      byte[] json = Json.mapper().writeValueAsBytes(less);
      assertThat(violations(name, json)).as(field).isNotEmpty();
      assertThat(refuses(json, MESSAGES.getOrDefault(name, Fact.class))).as(field).isTrue();
    }
  }

  private static boolean refuses(byte[] json, Class<?> type) {
    try {
      Json.read(json, type);
      return false;
    } catch (Refused e) {
      return true;
    }
  }

  @Test
  void aPlanThatAdaptsTheGuestIsOfItsSchema() throws IOException {
    var fact =
        (com.fasterxml.jackson.databind.node.ObjectNode)
            Json.mapper().readTree(golden("crossdock.migration.planned.v1"));
    Adaptation adaptation =
        new Adaptation(
            Adaptation.Kind.CLOUD_INIT, List.of("openstack", "none"), "datasource-not-offered");
    var plan = (com.fasterxml.jackson.databind.node.ObjectNode) fact.get("plan");
    plan.set("adaptations", Json.mapper().valueToTree(List.of(adaptation)));
    byte[] json = Json.mapper().writeValueAsBytes(fact);
    assertThat(violations("crossdock.migration.planned.v1", json)).isEmpty();
    assertThat(((Fact.Planned) Json.read(json, Fact.class)).plan().adaptations())
        .containsExactly(adaptation);
    plan.set("adaptations", Json.mapper().valueToTree(List.of(adaptation, adaptation)));
    byte[] twice = Json.mapper().writeValueAsBytes(fact);
    assertThat(refuses(twice, Fact.class)).isTrue();
  }

  @Test
  void devicesOfAPlanAreOfTheirSchemaAndNoOtherTrait() throws IOException {
    var fact =
        (com.fasterxml.jackson.databind.node.ObjectNode)
            Json.mapper().readTree(golden("crossdock.migration.planned.v1"));
    var devices = (com.fasterxml.jackson.databind.node.ObjectNode) fact.get("plan");
    Plan.Mapping bus = new Plan.Mapping("ide", "virtio", "The guest starts with its driver.");
    devices.putObject("devices").set("disk.bus", Json.mapper().valueToTree(bus));
    byte[] json = Json.mapper().writeValueAsBytes(fact);
    assertThat(violations("crossdock.migration.planned.v1", json)).isEmpty();
    assertThat(((Fact.Planned) Json.read(json, Fact.class)).plan().devices())
        .containsExactly(Map.entry("disk.bus", bus));
    devices.putObject("devices").set("zone", Json.mapper().valueToTree(bus));
    byte[] zone = Json.mapper().writeValueAsBytes(fact);
    assertThat(violations("crossdock.migration.planned.v1", zone)).isNotEmpty();
    assertThat(refuses(zone, Fact.class)).isTrue();
  }

  @Test
  void theSamplesAreOfTheirSchemasToo() {
    assertThat(Sample.facts()).extracting(Fact::type).containsExactlyInAnyOrderElementsOf(facts());
    for (Fact fact : Sample.facts()) {
      Report report = Sample.report(Sample.GATEWAY, 1, fact);
      assertThat(violations("report", Json.bytes(report))).as(fact.type()).isEmpty();
      assertThat(Json.read(Json.bytes(report), Report.class)).isEqualTo(report);
    }
  }

  @Test
  void aFactOfALaterVersionIsAReportWithoutSchema() {
    String later =
        Json.text(Sample.report(Sample.GATEWAY, 1, new Fact.Retired(false)))
            .replace("retired.v1", "retired.v2")
            .replace("\"erased\":false", "\"left\":1");
    assertThat(violations("report", later.getBytes(StandardCharsets.UTF_8))).isEmpty();
    assertThat(violations("report", later.replace("v2", "v1").getBytes(StandardCharsets.UTF_8)))
        .isNotEmpty();
  }
}
