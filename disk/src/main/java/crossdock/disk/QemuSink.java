package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** Writes a disk into any container QEMU knows, through a qemu-nbd of its own. */
final class QemuSink implements DiskSink {
  private final Partial partial;
  private final DiskFormat format;
  private final QemuNbd server;
  private final NbdDisk disk;
  private final boolean fresh;

  private QemuSink(
      Partial partial, DiskFormat format, QemuNbd server, NbdDisk disk, boolean fresh) {
    this.partial = partial;
    this.format = format;
    this.server = server;
    this.disk = disk;
    this.fresh = fresh;
  }

  static QemuSink open(Path target, DiskFormat format, long size) throws IOException {
    Partial partial = Partial.of(target);
    boolean fresh = partial.createUnlessThere(path -> QemuNbd.create(path, format, size));
    QemuNbd server = QemuNbd.serve(partial.path(), format, false);
    try {
      return new QemuSink(partial, format, server, NbdDisk.sink(server, size), fresh);
    } catch (Throwable e) {
      server.close();
      throw e;
    }
  }

  @Override
  public long size() {
    return disk.size();
  }

  @Override
  public Resume resume() {
    return Resume.RANDOM;
  }

  @Override
  public boolean startsZeroed() {
    return fresh;
  }

  @Override
  public void write(long offset, ByteBuffer data) throws IOException {
    disk.write(offset, data);
  }

  @Override
  public void zero(long offset, long length) throws IOException {
    disk.zero(offset, length);
  }

  @Override
  public void flush() throws IOException {
    disk.flush();
  }

  @Override
  public void finish() throws IOException {
    disk.flush();
    server.stop();
    disk.close();
    // What we hand out passes our own gate.
    FormatSafety.check(partial.path(), format, QemuNbd.sectors(size()));
    partial.commit();
  }

  @Override
  public void abandon() throws IOException {
    disk.close();
    partial.discard();
  }

  @Override
  public void close() throws IOException {
    disk.close();
  }
}
