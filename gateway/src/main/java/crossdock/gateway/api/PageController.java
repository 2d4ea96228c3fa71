package crossdock.gateway.api;

import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** The contract of this API, and a page to read and try it on. For everybody. */
@Controller
@Secured(SecurityRule.IS_ANONYMOUS)
final class PageController {
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";

  @Get(uri = "/openapi.yaml", produces = "application/yaml")
  byte[] yaml() throws IOException {
    return resource("openapi.yaml");
  }

  @Get("/openapi.json")
  byte[] json() throws IOException {
    Map<String, Object> contract =
        new Yaml(new SafeConstructor(new LoaderOptions()))
            .load(new String(resource("openapi.yaml"), StandardCharsets.UTF_8));
    return Json.bytes(contract);
  }

  @Get
  @Produces(MediaType.TEXT_HTML)
  HttpResponse<byte[]> page() throws IOException {
    return HttpResponse.ok(resource("page/index.html"))
        .header("Content-Security-Policy", POLICY)
        .header("X-Content-Type-Options", "nosniff");
  }

  @Get(uri = "/page.js", produces = "text/javascript")
  byte[] script() throws IOException {
    return resource("page/page.js");
  }

  @Get(uri = "/page.css", produces = "text/css")
  byte[] style() throws IOException {
    return resource("page/page.css");
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = PageController.class.getClassLoader().getResourceAsStream(name)) {
      if (in == null) {
        throw Problem.NOT_FOUND.because("this build does not have " + name);
      }
      return in.readAllBytes();
    }
  }
}
