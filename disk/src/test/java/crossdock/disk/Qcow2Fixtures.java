package crossdock.disk;

import crossdock.disk.Qcow2Header.Compression;
import crossdock.disk.codec.Compressor;
import crossdock.disk.codec.JdkDeflate;
import crossdock.disk.codec.Zstd;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Compressed images for tests. */
final class Qcow2Fixtures {
  private Qcow2Fixtures() {}

  static FileChannel compressed(DiskSource disk, Path path, Compression compression)
      throws IOException {
    FileChannel file =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    Qcow2Compressed.write(disk, file, compression, () -> compressor(compression));
    return file;
  }

  private static Compressor compressor(Compression compression) {
    return switch (compression) {
      case DEFLATE -> new JdkDeflate(JdkDeflate.Wrapper.RAW, 1);
      case ZSTD -> new Zstd(3);
    };
  }
}
