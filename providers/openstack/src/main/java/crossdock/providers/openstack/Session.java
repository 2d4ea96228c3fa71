package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.openstack4j.api.OSClient.OSClientV3;
import org.openstack4j.api.exceptions.ResponseException;
import org.openstack4j.api.types.Facing;
import org.openstack4j.model.common.ActionResponse;
import org.openstack4j.model.identity.v3.Token;
import org.openstack4j.openstack.OSFactory;

/**
 * A token of one project, and the requests that are made with it. What passes, or may, is an {@link
 * IOException}. Thread-safe.
 */
final class Session {
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final String project;
  private final Token token;
  private final Account account;
  private final Rest rest;
  private final Runnable forgetToken;

  Session(String project, Token token, Account account, Rest rest, Runnable forgetToken) {
    this.project = project;
    this.token = token;
    this.account = account;
    this.rest = rest;
    this.forgetToken = forgetToken;
  }

  /** Its id. */
  String project() {
    return project;
  }

  /** Whose token it is: its id. */
  String user() {
    return token.getUser().getId();
  }

  URI keystone() {
    return account.keystone();
  }

  /** For the next request: openstack4j's session is the thread's, and another may have taken it. */
  OSClientV3 client() {
    OSClientV3 client = OSFactory.clientFromToken(token, Keystone.CONFIG);
    return account.region().map(client::useRegion).orElse(client);
  }

  interface Request<T> {
    @Nullable T make();
  }

  /** An answer that must be there. */
  <T> T call(Request<T> request) throws IOException {
    return found(request).orElseThrow(() -> new IOException("OpenStack answers nothing"));
  }

  /** An answer that may be missing. */
  <T> Optional<T> found(Request<T> request) throws IOException {
    try {
      return Optional.ofNullable(request.make());
    } catch (RuntimeException e) {
      // 0: nothing was answered, or openstack4j was told 401 and cannot log in by a credential.
      if (e instanceof ResponseException no && (no.getStatus() == 401 || no.getStatus() == 0)) {
        forgetToken.run();
      }
      throw failed(e);
    }
  }

  /** What openstack4j throws, or a parser in it that was given no JSON. */
  static IOException failed(RuntimeException e) {
    int status = e instanceof ResponseException no ? no.getStatus() : 0;
    return Denied.by(status, "OpenStack: " + e.getMessage(), e);
  }

  /** Something done, or gone already. */
  void act(Request<ActionResponse> request) throws IOException {
    ActionResponse answer = call(request);
    if (!answer.isSuccess() && answer.getCode() != 404) {
      throw Denied.by(
          answer.getCode(),
          "OpenStack answers " + answer.getCode() + ": " + answer.getFault(),
          null);
    }
  }

  /** A request that openstack4j does not know, or whose answer it takes for another. */
  Rest.Answer raw(String method, String uri, Optional<JsonNode> body) throws IOException {
    return raw(method, uri, Rest.TYPE, body);
  }

  /**
   * The same.
   *
   * @param type of the body's media
   */
  Rest.Answer raw(String method, String uri, String type, Optional<JsonNode> body)
      throws IOException {
    Rest.Answer answer = rest.call(method, uri, token.getId(), type, body);
    if (answer.status() == 401) {
      forgetToken.run();
    }
    return answer;
  }

  /** What is waited for; empty as long as it is not so. */
  interface Condition<T> {
    Optional<T> holds() throws IOException, Refusal;
  }

  /**
   * Asks again and again, not for ever: who waits in vain lets others have a turn, and goes on with
   * the same thing when called again.
   */
  static <T> T await(String what, Condition<T> condition) throws IOException, Refusal {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (; ; ) {
      Optional<T> answer = condition.holds();
      if (answer.isPresent()) {
        return answer.get();
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new IOException("interrupted while waiting for " + what);
      }
      if (System.nanoTime() > deadline) {
        throw new IOException("waited " + PATIENCE.toMinutes() + " minutes for " + what);
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  /** Where a service of that type is, as the catalog says. */
  String endpoint(String type) throws IOException {
    return token.getCatalog().stream()
        .filter(service -> service.getType().equals(type))
        .flatMap(service -> service.getEndpoints().stream())
        .filter(endpoint -> endpoint.getIface() == Facing.PUBLIC)
        .filter(
            endpoint ->
                account.region().isEmpty()
                    || account.region().equals(Optional.of(endpoint.getRegion())))
        .map(endpoint -> endpoint.getUrl().toString())
        .findFirst()
        .orElseThrow(() -> new IOException("the catalog has no " + type));
  }
}
