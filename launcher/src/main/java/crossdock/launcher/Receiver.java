package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;

/**
 * The server of the demo's partner: believes what verifies with its subscription's key and is not
 * old, and refuses the rest. Knows nothing of the gateway but docs/webhooks.md. Thread-safe.
 */
final class Receiver implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long OLD_SECONDS = 300;

  /** RFC 8410: what comes before the 32 bytes of an Ed25519 key. */
  private static final String KEY_INFO = "302a300506032b6570032100";

  /**
   * What came about some migrations.
   *
   * @param inOrder whether, repeats aside, it was each from its first event to its last
   */
  record Heard(int received, int verified, boolean inOrder) {
    boolean good() {
      return received > 0 && received == verified && inOrder;
    }
  }

  private final HttpServer server;
  private final Map<String, List<Long>> sequences = new HashMap<>();
  private String key = "";
  private int received;
  private int verified;

  private Receiver(HttpServer server) {
    this.server = server;
  }

  static Receiver open(Ports ports) throws IOException {
    HttpServer server =
        HttpServer.create(
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), ports.receiver()), 0);
    Receiver receiver = new Receiver(server);
    server.createContext("/", receiver::take);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
    return receiver;
  }

  static String url(Ports ports) {
    return "http://127.0.0.1:" + ports.receiver() + "/webhooks";
  }

  /**
   * Believes this key from now on.
   *
   * @param shown as the subscription has it
   */
  synchronized void believe(String shown) {
    key = shown;
  }

  /**
   * What has come, when all has or {@code patience} is over.
   *
   * @param last the sequence of the last event of each migration that is waited for
   */
  synchronized Heard heard(Map<String, Long> last, Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    for (long left = patience.toMillis();
        left > 0 && !last.entrySet().stream().allMatch(this::complete);
        left = (deadline - System.nanoTime()) / 1_000_000) {
      wait(left);
    }
    return new Heard(received, verified, last.entrySet().stream().allMatch(this::inOrder));
  }

  private boolean complete(Map.Entry<String, Long> migration) {
    return of(migration.getKey()).contains(migration.getValue());
  }

  private boolean inOrder(Map.Entry<String, Long> migration) {
    return of(migration.getKey()).stream()
        .distinct()
        .toList()
        .equals(LongStream.rangeClosed(1, migration.getValue()).boxed().toList());
  }

  private List<Long> of(String migration) {
    return sequences.computeIfAbsent(migration, _ -> new ArrayList<>());
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      boolean good =
          take(
              exchange.getRequestHeaders().getFirst("webhook-id"),
              exchange.getRequestHeaders().getFirst("webhook-timestamp"),
              exchange.getRequestHeaders().getFirst("webhook-signature"),
              body);
      exchange.sendResponseHeaders(good ? 204 : 400, -1);
    }
  }

  private synchronized boolean take(String id, String timestamp, String signature, byte[] body)
      throws IOException {
    received++;
    if (!verifies(id, timestamp, signature, body)) {
      return false;
    }
    verified++;
    JsonNode event = JSON.readTree(body);
    of(event.path("subject").asText()).add(event.path("data").path("sequence").asLong());
    notifyAll();
    return true;
  }

  private boolean verifies(String id, String timestamp, String signature, byte[] body) {
    try {
      long age = Instant.now().getEpochSecond() - Long.parseLong(timestamp);
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(publicKey());
      verifier.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
      verifier.update(body);
      return Math.abs(age) < OLD_SECONDS
          && signature.startsWith("v1a,")
          && verifier.verify(Base64.getDecoder().decode(signature.substring("v1a,".length())));
    } catch (GeneralSecurityException | RuntimeException e) {
      return false;
    }
  }

  private PublicKey publicKey() throws GeneralSecurityException {
    String raw =
        HexFormat.of().formatHex(Base64.getDecoder().decode(key.substring("whpk_".length())));
    return KeyFactory.getInstance("Ed25519")
        .generatePublic(new X509EncodedKeySpec(HexFormat.of().parseHex(KEY_INFO + raw)));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
