package crossdock.gateway.api;

import io.micronaut.context.annotation.Replaces;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.micronaut.http.server.exceptions.response.ErrorContext;
import io.micronaut.http.server.exceptions.response.ErrorResponseProcessor;
import io.micronaut.security.authentication.AuthorizationException;
import io.micronaut.security.authentication.DefaultAuthorizationExceptionHandler;
import jakarta.inject.Singleton;

/** Answers who has no valid token, or may not do this, as every other failure is answered. */
@Singleton
@Replaces(DefaultAuthorizationExceptionHandler.class)
@SuppressWarnings("rawtypes")
final class Unauthenticated
    implements ExceptionHandler<AuthorizationException, MutableHttpResponse<?>> {
  private final ErrorResponseProcessor<?> errors;

  Unauthenticated(ErrorResponseProcessor<?> errors) {
    this.errors = errors;
  }

  @Override
  public MutableHttpResponse<?> handle(HttpRequest request, AuthorizationException refused) {
    boolean forbidden = refused.isForbidden();
    ErrorContext context =
        ErrorContext.builder(request)
            .errorMessage(
                forbidden ? "this is for somebody else" : "no token, or one that is not valid here")
            .build();
    MutableHttpResponse<?> answer =
        errors.processResponse(
            context,
            HttpResponse.status(forbidden ? HttpStatus.FORBIDDEN : HttpStatus.UNAUTHORIZED));
    return forbidden ? answer : answer.header(HttpHeaders.WWW_AUTHENTICATE, "Bearer");
  }
}
