package crossdock.launcher;

import com.fasterxml.jackson.annotation.JsonProperty;
import crossdock.contracts.Envelope;
import java.util.List;
import java.util.Map;

/**
 * What an admitted provider is answered. Nothing in it is secret, and none of it is believed before
 * the founding members in it have been compared with what they say of themselves.
 *
 * @param bundle the trust bundle, once for every founding member
 * @param members the CAs of those, PEM by provider
 * @param kafka where the broker is, {@code host:port}
 * @param certificates for the broker, PEM chains by {@link Application#requests}
 */
record Welcome(
    @JsonProperty("bundle") List<Envelope> bundle,
    @JsonProperty("members") Map<String, String> members,
    @JsonProperty("kafka") String kafka,
    @JsonProperty("certificates") Map<String, String> certificates) {
  Welcome {
    bundle = List.copyOf(bundle);
    members = Map.copyOf(members);
    certificates = Map.copyOf(certificates);
  }
}
