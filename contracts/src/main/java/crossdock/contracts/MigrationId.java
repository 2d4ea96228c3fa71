package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * Names one migration everywhere: the record key on Kafka, the tag of every object made in a cloud.
 *
 * @param value {@code m-} and 24 lower-case hexadecimal digits
 */
public record MigrationId(@JsonValue String value) {
  private static final Pattern FORM = Pattern.compile("m-[0-9a-f]{24}");

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public MigrationId {
    if (!FORM.matcher(value).matches()) {
      throw new Refused("a migration id is m- and 24 hexadecimal digits");
    }
  }

  /**
   * The id of the request that {@code caller} sent under {@code idempotencyKey}: asking twice names
   * one migration.
   */
  public static MigrationId of(Subject caller, String idempotencyKey) {
    String text = Json.text(new String[] {caller.issuer(), caller.sub(), idempotencyKey});
    return new MigrationId(
        "m-" + Sha256.of(text.getBytes(StandardCharsets.UTF_8)).hex().substring(0, 24));
  }

  @Override
  public String toString() {
    return value;
  }
}
