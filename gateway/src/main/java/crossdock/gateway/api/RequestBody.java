package crossdock.gateway.api;

import com.fasterxml.jackson.databind.DeserializationFeature;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import java.io.IOException;

/** Reads what callers send. */
public final class RequestBody {
  private RequestBody() {}

  /**
   * Unlike on the wire between services, an unknown field is refused: it may be a misspelt one.
   *
   * @throws Problem.Thrown MALFORMED_REQUEST if it is not exactly a {@code type}
   */
  public static <T> T read(byte[] json, Class<T> type) {
    T request;
    try {
      request =
          Json.mapper()
              .readerFor(type)
              .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
              .readValue(json);
    } catch (IOException e) {
      throw Problem.MALFORMED_REQUEST.because(
          e.getCause() instanceof Refused refused
              ? String.valueOf(refused.getMessage())
              : String.valueOf(e.getMessage()).lines().findFirst().orElse("not JSON"));
    }
    if (request == null) {
      throw Problem.MALFORMED_REQUEST.because("null is no request");
    }
    return request;
  }
}
