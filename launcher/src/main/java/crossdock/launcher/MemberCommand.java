package crossdock.launcher;

import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Who takes part beside the founding members: {@code member admit} and {@code member leave}, while
 * the core runs. Done again, each changes nothing.
 */
@Command(
    name = "member",
    description = "Admits providers and lets them leave, while everything runs.",
    subcommands = {
      MemberCommand.Admit.class,
      MemberCommand.Leave.class,
      MemberCommand.Revoke.class,
      MemberCommand.Suspend.class,
      MemberCommand.Resume.class,
      MemberCommand.Show.class
    })
final class MemberCommand implements Runnable {
  private static final String JSON = "application/json";

  @Override
  public void run() {
    throw new Refusal(
        Refusal.CANNOT_START, "Which? admit, leave, revoke, suspend, resume or show.");
  }

  @Command(name = "admit", description = "Takes a provider's application, writes the answer.")
  static final class Admit implements Callable<Integer> {
    @Parameters(index = "0", description = "What ./crossdock site init wrote.")
    Path application = Path.of("");

    @Parameters(index = "1", description = "Where to write the answer for the provider.")
    Path welcome = Path.of("");

    @Override
    public Integer call() throws IOException, InterruptedException, ExecutionException {
      Core core = Core.running();
      core.admit(Files.readAllBytes(application), welcome);
      return 0;
    }
  }

  @Command(name = "leave", description = "Gives a provider no new work and, once idle, lets it go.")
  static final class Leave implements Callable<Integer> {
    @Parameters(index = "0")
    String provider = "";

    @Override
    public Integer call() throws IOException, InterruptedException, ExecutionException {
      Core.running().leave(provider);
      return 0;
    }
  }

  @Command(
      name = "revoke",
      description = "Takes back a certificate: a site's, a dock's, or a certified image's.")
  static final class Revoke implements Callable<Integer> {
    @Parameters(
        index = "0",
        description =
            "Its SHA-256, as openssl x509 -fingerprint -sha256 prints it; of a certified image's,"
                + " that of its payload.")
    String certificate = "";

    @Option(
        names = "--from",
        description = "What was signed with it since is nothing; in ten seconds if it is not said.")
    @Nullable Instant from;

    @Override
    public Integer call() throws IOException, InterruptedException {
      Sha256 digest;
      try {
        digest = new Sha256(certificate.replace(":", "").toLowerCase(Locale.ROOT));
      } catch (Refused e) {
        throw new Refusal(Refusal.CANNOT_START, "No SHA-256: " + certificate);
      }
      // Everybody has heard by then: no log takes what it would have to refuse when it is read
      // again.
      Core.running().revoke(digest, from == null ? Core.now().plusSeconds(10) : from);
      return 0;
    }
  }

  @Command(name = "suspend", description = "A provider begins nothing, until it is resumed.")
  static final class Suspend implements Callable<Integer> {
    @Parameters(index = "0")
    String provider = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      Core.running().suspend(provider, Optional.of(Core.now()));
      return 0;
    }
  }

  @Command(name = "resume", description = "A provider that was suspended takes part again.")
  static final class Resume implements Callable<Integer> {
    @Parameters(index = "0")
    String provider = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      Core.running().suspend(provider, Optional.empty());
      return 0;
    }
  }

  @Command(name = "show", description = "Prints what a provider compares when it joins.")
  static final class Show implements Callable<Integer> {
    @Option(names = "--pins", description = "Only what ./crossdock site install --pin takes.")
    boolean pins;

    @Override
    public Integer call() {
      Pki pki = Pki.open(Launcher.state(), Clock.systemUTC());
      pki.members()
          .forEach(
              (provider, authority) ->
                  System.out.println(
                      (pins ? "" : provider + " ") + JoiningSite.pin(authority.certificate())));
      Joined.all(Launcher.state())
          .forEach(
              joined -> {
                if (!pins) {
                  System.out.println(
                      joined.provider()
                          + joined
                              .leftAt()
                              .map(at -> " left at " + at)
                              .orElse(
                                  joined.leavingAt().isEmpty() ? " joined" : " takes no new work"));
                }
              });
      return 0;
    }
  }

  /** The core's own hands: everything that it tells its services, and how. */
  private record Core(State state, Ports ports, Path home, Pki pki) {
    static Core running() {
      State state = Launcher.state();
      if (Spawn.running(state.supervisorPid()).isEmpty()) {
        throw new Refusal(
            Refusal.CANNOT_START, "Crossdock is not running: ./crossdock up starts it.");
      }
      return new Core(state, Launcher.ports(), Launcher.home(), Pki.open(state, Clock.systemUTC()));
    }

    void admit(byte[] sent, Path welcome)
        throws IOException, InterruptedException, ExecutionException {
      Application application = application(sent);
      String provider = application.member().provider();
      Optional<Joined> before = Joined.find(state, provider);
      boolean taken =
          Site.ALL.stream().anyMatch(site -> site.provider().equals(provider))
              || before
                  .filter(one -> !one.application().authority().equals(application.authority()))
                  .isPresent();
      if (taken) {
        throw new Refusal(
            Refusal.CANNOT_START,
            "There is a provider " + provider + " with another authority: nothing is changed.");
      }
      if (issuers(provider).contains(application.issuer())) {
        throw new Refusal(
            Refusal.CANNOT_START,
            "Another provider's customers have tokens of "
                + application.issuer()
                + ": nothing is changed.");
      }
      Joined joined = new Joined(application, Optional.empty(), Optional.empty());
      joined.write(state);
      try {
        topics().settled();
        call("billing", "POST", "/operator/prices", Json.bytes(application.prices()));
      } catch (Refusal e) {
        forget(joined, before);
        throw e;
      }
      publish();
      Map<String, String> certificates = new HashMap<>();
      SiteId site = application.site();
      for (var one :
          Map.of(Application.SITE, Party.site(site), Application.DOCK, Party.dock(site))
              .entrySet()) {
        certificates.put(
            one.getKey(),
            Authority.pem(
                pki.core()
                    .certify(application.key(one.getKey()), one.getValue(), Authority.Use.CLIENT)));
      }
      Map<String, String> founders = new TreeMap<>();
      pki.members().forEach((name, authority) -> founders.put(name, authority.certificatePem()));
      byte[] bundle = Files.readAllBytes(trust().file());
      Files.write(
          welcome,
          Json.bytes(
              new Welcome(
                  List.of(Json.read(bundle, Envelope[].class)),
                  founders,
                  Kafka.bootstrap(ports),
                  certificates)));
      TrustBundle.Site at = application.member().sites().getFirst();
      System.out.printf(
          "%s is admitted, by the CA %s, at %s, %s and %s; the answer is %s.%n",
          site,
          JoiningSite.pin(application.authority()),
          at.export(),
          at.imports(),
          at.dock(),
          welcome);
    }

    void leave(String provider) throws IOException, InterruptedException, ExecutionException {
      Joined joined =
          Joined.find(state, provider)
              .orElseThrow(
                  () ->
                      new Refusal(
                          Refusal.CANNOT_START, provider + " has not joined, so it cannot leave."));
      SiteId site = joined.application().site();
      Optional<Instant> leaving = Optional.of(joined.leavingAt().orElse(now()));
      new Joined(joined.application(), leaving, joined.leftAt()).write(state);
      publish();
      idle(site);
      // Nobody can ask for it from here on; whoever did in the last moment is waited for.
      Instant left = joined.leftAt().orElse(now());
      new Joined(joined.application(), leaving, Optional.of(left)).write(state);
      publish();
      try {
        idle(site);
      } catch (Refusal e) {
        new Joined(joined.application(), leaving, Optional.empty()).write(state);
        publish();
        throw e;
      }
      topics().settled();
      topics().forget(site);
      System.out.println(site + " has left.");
    }

    void revoke(Sha256 certificate, Instant from) throws IOException, InterruptedException {
      trust().revoke(certificate, from);
      publish();
      System.out.println(certificate + " is revoked from " + from + " on.");
    }

    void suspend(String provider, Optional<Instant> since)
        throws IOException, InterruptedException {
      if (Joined.sites(state).stream().noneMatch(site -> site.provider().equals(provider))) {
        throw new Refusal(Refusal.CANNOT_START, "No provider " + provider + " takes part.");
      }
      trust().suspend(provider, since);
      publish();
      System.out.println(
          provider
              + since.map(at -> " is suspended since " + at).orElse(" takes part again")
              + ".");
    }

    /** Of everybody but this provider, those who left among them. */
    private Set<String> issuers(String except) {
      return Stream.concat(
              Site.ALL.stream().map(site -> ports.issuer(site.provider())),
              Joined.all(state).stream()
                  .filter(joined -> !joined.provider().equals(except))
                  .map(joined -> joined.application().issuer()))
          .collect(Collectors.toSet());
    }

    private void idle(SiteId site) throws IOException, InterruptedException {
      String[] open =
          Json.read(
              call("gateway", "GET", "/operator/trust/open?site=" + site, new byte[0]),
              String[].class);
      if (open.length > 0) {
        throw new Refusal(
            Refusal.FAILED,
            site
                + " takes no new work, and has a part in what is still under way ("
                + String.join(", ", open)
                + "): say it again when that has ended.");
      }
    }

    private Application application(byte[] sent) {
      try {
        return Application.read(sent, now());
      } catch (Refused e) {
        throw new Refusal(Refusal.CANNOT_START, "The application is refused: " + e.getMessage());
      }
    }

    /** Billing did not want it: as if it had not been. */
    private void forget(Joined joined, Optional<Joined> before)
        throws IOException, InterruptedException, ExecutionException {
      if (before.isPresent()) {
        before.get().write(state);
      } else {
        joined.delete(state);
        topics().forget(joined.application().site());
      }
      topics().settled();
    }

    // In full: cut to the second, what was signed within it would be of after the leaving.
    private static Instant now() {
      return Clock.systemUTC().instant();
    }

    private KafkaTopics topics() {
      return new Kafka(state, ports, pki, home, Scope.ALL).topics();
    }

    private TrustFile trust() {
      return new TrustFile(state, pki, ports, Clock.systemUTC());
    }

    private void publish() throws IOException, InterruptedException {
      TrustFile trust = trust();
      trust.write();
      call("gateway", "POST", "/operator/trust", Files.readAllBytes(trust.file()));
    }

    private byte[] call(String service, String method, String path, byte[] body)
        throws IOException, InterruptedException {
      try (HttpClient http = HttpClient.newHttpClient()) {
        HttpResponse<byte[]> answer =
            http.send(
                HttpRequest.newBuilder(URI.create(Services.url(ports, service) + path))
                    .timeout(Duration.ofSeconds(30))
                    .header("Content-Type", JSON)
                    .header("Crossdock-Operator", state.secret("operator." + service))
                    .method(method, BodyPublishers.ofByteArray(body))
                    .build(),
                HttpResponse.BodyHandlers.ofByteArray());
        if (answer.statusCode() / 100 != 2) {
          throw new Refusal(
              Refusal.FAILED,
              "The "
                  + service
                  + " does not take it: "
                  + new String(answer.body(), StandardCharsets.UTF_8));
        }
        return answer.body();
      }
    }
  }
}
