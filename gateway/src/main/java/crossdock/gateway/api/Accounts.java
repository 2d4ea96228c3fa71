package crossdock.gateway.api;

import crossdock.chassis.MutualTls;
import crossdock.chassis.Problem;
import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpHeaders;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A customer's accounts at the providers, and what is in them. */
@Singleton
final class Accounts {
  private static final Logger LOG = LoggerFactory.getLogger(Accounts.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** A site asks its cloud, which may need a while for its first answers. */
  private static final Duration SITES = Duration.ofMinutes(1);

  private static final int LONGEST_ANSWER = 4 << 20;

  private final Optional<URI> identity;
  private final Optional<URI> catalog;
  private final Optional<MutualTls> tls;
  private final HttpClient core =
      HttpClient.newBuilder()
          .connectTimeout(PATIENCE)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  Accounts(
      @Value("${crossdock.identity.url:}") Optional<String> identity,
      @Value("${crossdock.catalog.url:}") Optional<String> catalog,
      Optional<MutualTls> tls) {
    this.identity = identity.filter(url -> !url.isBlank()).map(URI::create);
    this.catalog = catalog.filter(url -> !url.isBlank()).map(URI::create);
    this.tls = tls;
  }

  /** The caller is {@code sub} at the provider's identity provider. */
  record Link(String provider, String issuer, String sub) {}

  /** The caller's links, asked for with the caller's own token. */
  List<Link> links(String bearer) {
    URI base =
        identity.orElseThrow(
            () -> Problem.UNAVAILABLE.because("identity-federation is not configured"));
    byte[] answer =
        get(
            core,
            HttpRequest.newBuilder(base.resolve("/v1/links"))
                .header(HttpHeaders.AUTHORIZATION, bearer),
            PATIENCE);
    return List.of(Json.read(answer, Link[].class));
  }

  /**
   * The machines of a linked account that its owner lets Crossdock see at one site.
   *
   * @param id of the only one that is asked for
   */
  List<Machine> machines(TrustBundle.Site site, Link link, Optional<String> id) {
    MutualTls mutual =
        tls.orElseThrow(() -> Problem.UNAVAILABLE.because("this gateway has no TLS certificate"));
    URI uri =
        site.export()
            .resolve(
                "/v1/machines?issuer="
                    + encode(link.issuer())
                    + "&sub="
                    + encode(link.sub())
                    + id.map(one -> "&id=" + encode(one)).orElse(""));
    try (HttpClient client = mutual.client(site.urn().urn())) {
      return List.of(Json.read(get(client, HttpRequest.newBuilder(uri), SITES), Machine[].class));
    } catch (Refused e) {
      LOG.warn("{} answers {}", site.urn(), e.getMessage());
      throw Problem.UNAVAILABLE.because("the site's answer is not well-formed");
    }
  }

  private record Question(
      SiteId source,
      Machine machine,
      Fact.Mode mode,
      String currency,
      List<String> waived,
      Choices choices) {}

  /** Where the catalog says that a machine could go, asked with the caller's own token. */
  byte[] offers(
      SiteId source,
      Machine machine,
      Fact.Mode mode,
      String currency,
      Choices choices,
      String bearer) {
    URI base = catalog.orElseThrow(() -> Problem.UNAVAILABLE.because("no catalog is configured"));
    byte[] question = Json.bytes(new Question(source, machine, mode, currency, List.of(), choices));
    return answer(
        core,
        HttpRequest.newBuilder(base.resolve("/v1/offers"))
            .header(HttpHeaders.AUTHORIZATION, bearer)
            .header(HttpHeaders.CONTENT_TYPE, "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(question)),
        PATIENCE.multipliedBy(2)); // it asks billing
  }

  private static byte[] get(HttpClient client, HttpRequest.Builder request, Duration patience) {
    return answer(client, request.GET(), patience);
  }

  private static byte[] answer(HttpClient client, HttpRequest.Builder request, Duration patience) {
    HttpRequest asked = request.timeout(patience).build();
    try {
      HttpResponse<InputStream> answer =
          client.send(asked, HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream body = answer.body()) {
        byte[] bytes = body.readNBytes(LONGEST_ANSWER + 1);
        if (answer.statusCode() == 200 && bytes.length <= LONGEST_ANSWER) {
          return bytes;
        }
        LOG.warn("{} answers {}", asked.uri().getHost(), answer.statusCode());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      LOG.warn("{} does not answer: {}", asked.uri().getHost(), e.toString());
    }
    throw Problem.UNAVAILABLE.because("a service that was asked does not answer");
  }

  private static String encode(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }
}
