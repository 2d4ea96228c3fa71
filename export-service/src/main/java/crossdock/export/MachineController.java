package crossdock.export;

import crossdock.chassis.MutualTls;
import crossdock.contracts.CoreService;
import crossdock.contracts.Machine;
import crossdock.contracts.Party;
import crossdock.contracts.Role;
import crossdock.contracts.Subject;
import crossdock.providers.Cloud;
import crossdock.site.Grants;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Shows the gateway the machines that their owner has said yes to moving: nobody else's, and no
 * others.
 */
@Controller("/v1/machines")
final class MachineController {
  private final Cloud cloud;
  private final Grants grants;
  private final Guests guests;
  private final MutualTls tls;

  MachineController(Cloud cloud, Grants grants, Guests guests, MutualTls tls) {
    this.guests = guests;
    this.cloud = cloud;
    this.grants = grants;
    this.tls = tls;
  }

  @Get
  @Secured(SecurityRule.IS_ANONYMOUS)
  List<Machine> list(
      HttpRequest<?> request,
      @QueryValue String issuer,
      @QueryValue String sub,
      @QueryValue Optional<String> id)
      throws IOException {
    tls.require(request, new Party.Core(CoreService.GATEWAY).urn());
    List<Grants.Grant> live = grants.live(Role.SOURCE, new Subject(issuer, sub));
    List<Machine> machines =
        id.isPresent() ? cloud.machine(sub, id.get()).stream().toList() : cloud.machines(sub);
    return machines.stream()
        .filter(
            machine ->
                live.stream()
                    .anyMatch(grant -> grant.machine().map(machine.id()::equals).orElse(true)))
        .map(machine -> guests.known(sub, machine))
        .toList();
  }
}
