package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReceiverTest {
  private final HttpClient http = HttpClient.newHttpClient();
  private Ports ports;
  private KeyPair keys;
  private Receiver receiver;

  @BeforeEach
  void open() throws Exception {
    try (ServerSocket free = new ServerSocket(0)) {
      ports = new Ports(free.getLocalPort() - 55);
    }
    keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    receiver = Receiver.open(ports);
    byte[] info = keys.getPublic().getEncoded();
    receiver.believe(
        "whpk_" + Base64.getEncoder().encodeToString(Arrays.copyOfRange(info, 12, info.length)));
  }

  @AfterEach
  void close() {
    receiver.close();
    http.close();
  }

  private int send(long sequence, Instant at, String forged) throws Exception {
    String body = "{\"subject\":\"m-1\",\"data\":{\"sequence\":" + sequence + "}}";
    String id = "m-1-" + sequence;
    Signature signature = Signature.getInstance("Ed25519");
    signature.initSign(keys.getPrivate());
    signature.update(
        (id + "." + at.getEpochSecond() + "." + body).getBytes(StandardCharsets.UTF_8));
    return http.send(
            HttpRequest.newBuilder(URI.create(Receiver.url(ports)))
                .header("webhook-id", id)
                .header("webhook-timestamp", Long.toString(at.getEpochSecond()))
                .header(
                    "webhook-signature",
                    "v1a," + Base64.getEncoder().encodeToString(signature.sign()))
                .POST(HttpRequest.BodyPublishers.ofString(body + forged))
                .build(),
            HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }

  private Receiver.Heard heard(long last) throws InterruptedException {
    return receiver.heard(Map.of("m-1", last), Duration.ofMillis(200));
  }

  @Test
  void whatVerifiesIsTakenAndRepeatsDoNotDisturbTheOrder() throws Exception {
    for (long sequence : new long[] {1, 2, 2, 3}) {
      assertThat(send(sequence, Instant.now(), "")).isEqualTo(204);
    }
    assertThat(heard(3)).isEqualTo(new Receiver.Heard(4, 4, true));
    assertThat(heard(3).good()).isTrue();
    assertThat(heard(4).good()).isFalse();
  }

  @Test
  void whatOvertakesIsOutOfOrder() throws Exception {
    send(2, Instant.now(), "");
    send(1, Instant.now(), "");
    assertThat(heard(2).good()).isFalse();
  }

  @Test
  void whatIsForgedOrOldIsRefused() throws Exception {
    assertThat(send(1, Instant.now(), " ")).isEqualTo(400);
    assertThat(send(1, Instant.now().minusSeconds(3600), "")).isEqualTo(400);
    assertThat(heard(1)).isEqualTo(new Receiver.Heard(2, 0, false));
    assertThat(heard(1).good()).isFalse();
  }
}
