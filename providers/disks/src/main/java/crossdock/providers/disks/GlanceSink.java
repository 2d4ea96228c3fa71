package crossdock.providers.disks;

import crossdock.contracts.Sha256;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.Disks;
import crossdock.providers.files.Durable;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A disk that becomes an image in Glance. Glance takes it in one piece and forgets one that breaks
 * off, so it is gathered in a file first: what has crossed from the other site never crosses again.
 * The file takes the space of the disk's data, and goes when Glance has it.
 */
final class GlanceSink implements DiskSink {
  private final GlanceImage image;
  private final Path spool;
  private final Path file;
  private final DiskSink gathered;

  private GlanceSink(GlanceImage image, Path spool, Path file, DiskSink gathered) {
    this.image = image;
    this.spool = spool;
    this.file = file;
    this.gathered = gathered;
  }

  /**
   * @throws FileAlreadyExistsException if Glance has it; also if all of it lay here since an
   *     earlier call, and went there now
   */
  static GlanceSink open(GlanceImage image, Path spool, DiskFormat format, long size)
      throws IOException {
    Path file = Files.createDirectories(place(image.uri(), spool)).resolve("disk." + format.wire());
    if (image.isThere()) {
      abandon(image.uri(), spool);
      throw new FileAlreadyExistsException(image.uri().getPath());
    }
    if (Files.exists(file)) {
      image.upload(file);
      abandon(image.uri(), spool);
      throw new FileAlreadyExistsException(image.uri().getPath());
    }
    return new GlanceSink(image, spool, file, Disks.createSink(file, format, size));
  }

  /** Where the disk of that image is gathered, and nothing else. */
  private static Path place(URI image, Path spool) {
    return spool.resolve(Sha256.of(image.toString().getBytes(StandardCharsets.UTF_8)).hex());
  }

  /** Removes what was gathered. */
  static void abandon(URI image, Path spool) throws IOException {
    boolean _ = Durable.erase(place(image, spool));
  }

  @Override
  public long size() {
    return gathered.size();
  }

  @Override
  public Resume resume() {
    return gathered.resume();
  }

  @Override
  public boolean startsZeroed() {
    return gathered.startsZeroed();
  }

  @Override
  public void write(long offset, ByteBuffer data) throws IOException {
    gathered.write(offset, data);
  }

  @Override
  public void zero(long offset, long length) throws IOException {
    gathered.zero(offset, length);
  }

  @Override
  public void flush() throws IOException {
    gathered.flush();
  }

  @Override
  public void finish() throws IOException {
    gathered.finish();
    image.upload(file);
    abandon(image.uri(), spool);
  }

  @Override
  public void abandon() throws IOException {
    gathered.abandon();
    abandon(image.uri(), spool);
  }

  @Override
  public void close() throws IOException {
    gathered.close();
  }
}
