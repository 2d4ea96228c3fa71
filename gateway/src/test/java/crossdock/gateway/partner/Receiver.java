package crossdock.gateway.partner;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import crossdock.contracts.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.bouncycastle.crypto.params.Ed25519PublicKeyParameters;
import org.bouncycastle.crypto.signers.Ed25519Signer;

/** A partner's server. What it answers can be set; 0 is no answer at all. */
final class Receiver implements HttpHandler, AutoCloseable {
  /** A request, as it came. */
  record Got(String id, long timestamp, String signature, String type, byte[] body) {
    JsonNode json() {
      return Json.read(body, JsonNode.class);
    }

    long sequence() {
      return json().path("data").path("sequence").asLong();
    }

    /** By another library than the one that signs. */
    boolean verifies(String key) {
      assertThat(key).startsWith("whpk_");
      assertThat(signature).startsWith("v1a,");
      byte[] prefix = (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8);
      Ed25519Signer verifier = new Ed25519Signer();
      verifier.init(
          false,
          new Ed25519PublicKeyParameters(
              Base64.getDecoder().decode(key.substring("whpk_".length()))));
      verifier.update(prefix, 0, prefix.length);
      verifier.update(body, 0, body.length);
      return verifier.verifySignature(
          Base64.getDecoder().decode(signature.substring("v1a,".length())));
    }
  }

  private final HttpServer server;
  private final List<Got> all = new CopyOnWriteArrayList<>();
  private final BlockingQueue<Got> fresh = new LinkedBlockingQueue<>();
  private volatile Function<Got, Integer> answer = _ -> 204;

  Receiver() throws IOException {
    this(HttpServer.create());
  }

  Receiver(HttpServer server) throws IOException {
    this.server = server;
    server.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  String url() {
    return "http://127.0.0.1:" + port() + "/hook";
  }

  void answers(Function<Got, Integer> status) {
    answer = status;
  }

  List<Got> all() {
    return List.copyOf(all);
  }

  /** The next one, waited for. */
  Got next() throws InterruptedException {
    Got got = fresh.poll(30, TimeUnit.SECONDS);
    if (got == null) {
      throw new AssertionError("nothing comes");
    }
    return got;
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    Got got =
        new Got(
            exchange.getRequestHeaders().getFirst("webhook-id"),
            Long.parseLong(exchange.getRequestHeaders().getFirst("webhook-timestamp")),
            exchange.getRequestHeaders().getFirst("webhook-signature"),
            exchange.getRequestHeaders().getFirst("content-type"),
            exchange.getRequestBody().readAllBytes());
    all.add(got);
    fresh.add(got);
    int status = answer.apply(got);
    if (status == 0) {
      exchange.close();
      return;
    }
    exchange.getResponseHeaders().add("Location", "http://127.0.0.1:" + port() + "/elsewhere");
    exchange.sendResponseHeaders(status, -1);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
