package crossdock.conversion;

import crossdock.chassis.MutualTls;
import crossdock.chassis.Problem;
import crossdock.contracts.MigrationId;
import crossdock.disk.Manifest;
import crossdock.disk.codec.Zstd;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.server.types.files.StreamedFile;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import jakarta.annotation.PreDestroy;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves disks to the target's dock: its leaves, and its chunks of 1 MiB. The peer's certificate is
 * all the authority there is; who is not the target of the cleared plan gets 403 and a line in the
 * log.
 */
@Controller("/v1/migrations/{migration}/disks/{disk}")
@Secured(SecurityRule.IS_ANONYMOUS)
final class DiskController {
  /** The content coding, RFC 8878 section 7.2. */
  static final String ZSTD = "zstd";

  private static final int FASTEST = 1;

  private static final Logger AUDIT = LoggerFactory.getLogger("crossdock.audit");

  private final Openings openings;
  private final MutualTls tls;
  private final Counter served;

  /** Those that nobody uses: each has a megabyte of tables, which are slow to make. */
  private final Queue<Zstd> compressors = new ArrayBlockingQueue<>(16);

  DiskController(Openings openings, MutualTls tls, MeterRegistry meters) {
    this.openings = openings;
    this.tls = tls;
    this.served = meters.counter("crossdock.dock.served", "unit", "byte");
  }

  @Get("/leaves")
  @Produces(MediaType.APPLICATION_OCTET_STREAM)
  StreamedFile leaves(HttpRequest<?> request, String migration, String disk) throws IOException {
    Openings.Opening opening = allowed(request, new MigrationId(migration), disk);
    return new StreamedFile(
        Files.newInputStream(openings.leaves(new MigrationId(migration), opening.disk().name())),
        MediaType.APPLICATION_OCTET_STREAM_TYPE);
  }

  /**
   * A chunk; the last one may be shorter. To who accepts {@code zstd} (RFC 8878) it goes as one
   * frame of that where this is smaller.
   */
  @Get("/chunks/{chunk}")
  @Produces(MediaType.APPLICATION_OCTET_STREAM)
  HttpResponse<ByteBuf> chunk(HttpRequest<?> request, String migration, String disk, long chunk)
      throws IOException {
    MigrationId id = new MigrationId(migration);
    Openings.Opening opening = allowed(request, id, disk);
    long length = opening.disk().length();
    if (chunk < 0 || chunk >= Manifest.chunks(length)) {
      throw Problem.NOT_FOUND.because("no such chunk");
    }
    long offset = chunk * Manifest.CHUNK;
    ByteBuf bytes = read(id, opening, offset, (int) Math.min(Manifest.CHUNK, length - offset));
    served.increment(bytes.readableBytes());
    boolean asked =
        request
            .getHeaders()
            .get(HttpHeaders.ACCEPT_ENCODING, String.class)
            .filter(ZSTD::equals)
            .isPresent();
    return (asked ? packed(bytes) : Optional.<ByteBuf>empty())
        .<HttpResponse<ByteBuf>>map(
            packed -> HttpResponse.ok(packed).header(HttpHeaders.CONTENT_ENCODING, ZSTD))
        .orElseGet(() -> HttpResponse.ok(bytes));
  }

  private ByteBuf read(MigrationId migration, Openings.Opening opening, long offset, int length)
      throws IOException {
    // Direct, so that nothing is copied on the way to the socket but by TLS. Micronaut releases it.
    ByteBuf bytes = ByteBufAllocator.DEFAULT.directBuffer(length, length);
    try {
      openings.source(migration, opening).read(offset, bytes.nioBuffer(0, length));
      return bytes.writerIndex(length);
    } catch (Throwable e) {
      bytes.release();
      openings.drop(migration, opening);
      throw e;
    }
  }

  /** The same as one frame, in its place, if that is smaller. */
  private Optional<ByteBuf> packed(ByteBuf bytes) {
    int length = bytes.readableBytes();
    ByteBuf packed = ByteBufAllocator.DEFAULT.directBuffer(length, length);
    Zstd kept = compressors.poll();
    Zstd zstd = kept == null ? new Zstd(FASTEST) : kept;
    try {
      int size = zstd.compress(bytes.nioBuffer(), packed.nioBuffer(0, length));
      (size < 0 ? packed : bytes).release();
      return size < 0 ? Optional.empty() : Optional.of(packed.writerIndex(size));
    } catch (RuntimeException e) {
      packed.release();
      bytes.release();
      throw e;
    } finally {
      if (!compressors.offer(zstd)) {
        zstd.close();
      }
    }
  }

  @PreDestroy
  void close() {
    for (Zstd one = compressors.poll(); one != null; one = compressors.poll()) {
      one.close();
    }
  }

  private Openings.Opening allowed(HttpRequest<?> request, MigrationId migration, String disk) {
    String peer = tls.peer(request).orElse("nobody");
    Openings.Opening opening = openings.find(migration, disk).orElse(null);
    if (opening == null || !opening.peer().equals(peer)) {
      AUDIT.warn(
          "refused: {} asked for disk {} of {}",
          peer,
          disk.replaceAll("[^A-Za-z0-9._-]", "?"),
          migration);
      throw Problem.FORBIDDEN.because("not yours");
    }
    return opening;
  }
}
