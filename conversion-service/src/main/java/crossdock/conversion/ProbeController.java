package crossdock.conversion;

import crossdock.chassis.MutualTls;
import crossdock.chassis.Problem;
import crossdock.chassis.Trust;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/**
 * Has other members' docks try the way to this one: bytes that do not compress, at most four times
 * what it takes in ten minutes. A suspended site has no way.
 */
@Controller("/v1/probe")
@Secured(SecurityRule.IS_ANONYMOUS)
final class ProbeController {
  private static final int LARGEST = 1 << 20;
  private static final long MOST = 256L << 20;
  private static final Duration WINDOW = Duration.ofMinutes(10);

  private final MutualTls tls;
  private final Trust trust;
  private final Clock clock;
  private final ByteBuf noise;
  private final Counter served;
  private final Map<SiteId, Taken> taken = new HashMap<>();

  private record Taken(long bytes, Instant until) {}

  ProbeController(MutualTls tls, Trust trust, Clock clock, MeterRegistry meters) {
    this.served = meters.counter("crossdock.dock.probed", "unit", "byte");
    this.tls = tls;
    this.trust = trust;
    this.clock = clock;
    byte[] bytes = new byte[LARGEST];
    new SecureRandom().nextBytes(bytes);
    this.noise = Unpooled.unreleasableBuffer(Unpooled.wrappedBuffer(bytes)).asReadOnly();
  }

  @Get("/{bytes}")
  @Produces(MediaType.APPLICATION_OCTET_STREAM)
  ByteBuf probe(HttpRequest<?> request, int bytes) {
    SiteId peer = peer(request);
    if (bytes < 0 || bytes > LARGEST) {
      throw Problem.NOT_FOUND.because("at most " + LARGEST + " bytes at once");
    }
    if (!allowed(peer, bytes)) {
      throw Problem.UNAVAILABLE.because("tried enough for now");
    }
    served.increment(bytes);
    return noise.slice(0, bytes);
  }

  private SiteId peer(HttpRequest<?> request) {
    try {
      SiteId peer = Party.Site.ofDock(tls.peer(request).orElse("nobody")).id();
      if (trust.now().suspended(peer)) {
        throw Problem.FORBIDDEN.because("suspended");
      }
      return peer;
    } catch (Refused e) {
      throw Problem.FORBIDDEN.because("no dock of a member");
    }
  }

  /** There are as many entries as members. */
  private synchronized boolean allowed(SiteId peer, int bytes) {
    Instant now = clock.instant();
    Taken before = taken.get(peer);
    Taken current =
        before == null || !now.isBefore(before.until()) ? new Taken(0, now.plus(WINDOW)) : before;
    boolean room = current.bytes() + bytes <= MOST;
    taken.put(peer, room ? new Taken(current.bytes() + bytes, current.until()) : current);
    return room;
  }
}
