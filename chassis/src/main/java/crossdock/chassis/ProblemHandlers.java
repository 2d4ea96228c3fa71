package crossdock.chassis;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Primary;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.micronaut.http.server.exceptions.response.ErrorContext;
import io.micronaut.http.server.exceptions.response.ErrorResponseProcessor;
import jakarta.inject.Singleton;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers every failure as RFC 9457 problem+json. What went wrong inside is logged under an id and
 * not told.
 */
final class ProblemHandlers {
  private static final Logger LOG = LoggerFactory.getLogger(ProblemHandlers.class);
  private static final String PROBLEM_JSON = "application/problem+json";

  private ProblemHandlers() {}

  static MutableHttpResponse<byte[]> answer(Problem problem, String detail) {
    return HttpResponse.<byte[]>status(HttpStatus.valueOf(problem.status()))
        .contentType(MediaType.of(PROBLEM_JSON))
        .body(Json.bytes(problem.body(detail)));
  }

  @Singleton
  @Produces(PROBLEM_JSON)
  @SuppressWarnings("rawtypes")
  static final class OfProblem implements ExceptionHandler<Problem.Thrown, HttpResponse<?>> {
    @Override
    public HttpResponse<?> handle(HttpRequest request, Problem.Thrown thrown) {
      return answer(thrown.problem(), String.valueOf(thrown.getMessage()));
    }
  }

  @Singleton
  @Produces(PROBLEM_JSON)
  @SuppressWarnings("rawtypes")
  static final class OfRefused implements ExceptionHandler<Refused, HttpResponse<?>> {
    @Override
    public HttpResponse<?> handle(HttpRequest request, Refused refused) {
      return answer(Problem.MALFORMED_REQUEST, String.valueOf(refused.getMessage()));
    }
  }

  /** What the framework itself refuses, and everything unexpected. */
  @Singleton
  @Primary
  static final class OfFramework implements ErrorResponseProcessor<byte[]> {
    @Override
    public MutableHttpResponse<byte[]> processResponse(
        ErrorContext context, MutableHttpResponse<?> response) {
      Problem problem = of(response.status().getCode());
      String detail =
          context.hasErrors() ? String.valueOf(context.getErrors().getFirst().getMessage()) : "";
      if (problem == Problem.INTERNAL) {
        String id = UUID.randomUUID().toString();
        LOG.error("{} {}", id, context.getRequest().getPath(), context.getRootCause().orElse(null));
        detail = "incident " + id;
      }
      return answer(problem, detail);
    }

    private static Problem of(int status) {
      for (Problem problem : Problem.values()) {
        if (problem.status() == status && problem != Problem.IDEMPOTENCY_KEY_MISSING) {
          return problem;
        }
      }
      return status >= 500 ? Problem.INTERNAL : Problem.MALFORMED_REQUEST;
    }
  }
}
