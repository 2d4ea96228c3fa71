package crossdock.billing;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import crossdock.contracts.Refused;
import java.math.BigDecimal;
import java.math.RoundingMode;

/** What is priced, and which reading of its payee counts it. */
enum Meter {
  EXPORT("export.gib", "GiB", "export.bytes"),
  IMPORT("import.gib", "GiB", "import.bytes"),
  CONVERSION("conversion.gib", "GiB", "import.bytes"),
  /** Once for a migration that was completed; nobody reads it. */
  FEE("migration.fee", "migration", "");

  /** The unit of every reading that counts. */
  static final String BYTE = "byte";

  private static final BigDecimal GIB = new BigDecimal(1L << 30);

  private final String wire;
  private final String unit;
  private final String reading;

  Meter(String wire, String unit, String reading) {
    this.wire = wire;
    this.unit = unit;
    this.reading = reading;
  }

  @JsonValue
  String wire() {
    return wire;
  }

  String unit() {
    return unit;
  }

  String reading() {
    return reading;
  }

  @JsonCreator
  static Meter parse(String wire) {
    for (Meter meter : values()) {
      if (meter.wire.equals(wire)) {
        return meter;
      }
    }
    throw new Refused("no meter " + wire);
  }

  /** Bytes as GiB (2^30), rounded half up to six decimals. */
  static BigDecimal gib(BigDecimal bytes) {
    return bytes.divide(GIB, 6, RoundingMode.HALF_UP);
  }
}
