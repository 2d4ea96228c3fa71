package crossdock.disk;

import crossdock.disk.codec.Deflate;
import crossdock.disk.codec.JdkDeflate.Wrapper;
import crossdock.disk.codec.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/**
 * Writes a disk into a container, in one pass over it. What is written follows from the disk's
 * bytes and extents, the id and, where it is compressed, the way of compressing.
 *
 * @param level of compression, 1 to 9 for zlib and 1 to 22 for zstd; the fastest if empty
 * @param deflate who compresses with DEFLATE; the fastest that is installed if empty
 * @param id marks the image where its format wants a number that no other image has
 * @param digest whether the disk is hashed in the same pass
 */
public record Conversion(
    Container to, OptionalInt level, Optional<Deflate.Library> deflate, UUID id, boolean digest) {
  /** What qemu-img itself promises to readers of a qcow2: no match lies further back. */
  private static final int QCOW2_WINDOW_BITS = 12;

  private static final int ZSTD_LEVEL = 1;

  /**
   * What was written.
   *
   * @param bytes length of the output
   * @param manifest if it was asked for
   */
  public record Result(long bytes, Optional<Manifest> manifest) {}

  /** Is told how far the disk has been read. From any thread. */
  @FunctionalInterface
  public interface Progress {
    /** That many bytes from its beginning, or a little more. */
    void at(long offset);
  }

  /**
   * Into a file that is there when it is complete, and not before. An existing file is replaced.
   *
   * @throws IllegalArgumentException if the format has no room for such a disk
   */
  public Result toFile(DiskSource disk, Path file, Progress progress) throws IOException {
    Result result = AtomicOutput.write(file, partial -> toNewFile(disk, partial, progress));
    progress.at(disk.size());
    return result;
  }

  private Result toNewFile(DiskSource disk, Path file, Progress progress) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE_NEW)) {
      return hashing(
          new WatchedDisk(disk, progress),
          watched -> {
            write(watched, channel);
            return channel.size();
          });
    }
  }

  /**
   * From front to back. The channel stays open.
   *
   * @throws IllegalArgumentException if the container is not one that {@link Container#streams}
   */
  public Result toStream(DiskSource disk, WritableByteChannel out) throws IOException {
    if (!to.streams()) {
      throw new IllegalArgumentException(to + " cannot be written from front to back");
    }
    return hashing(
        disk,
        watched -> {
          if (to == Container.VMDK_STREAM) {
            return stream(watched).write(out);
          }
          Layout layout = layout(watched);
          ImageWriter.Front front = new ImageWriter.Front(out, layout);
          DiskPass.over(watched, front);
          front.finish();
          return layout.size();
        });
  }

  /**
   * The file's bytes by their offsets, without writing them: all of its tables follow from the
   * disk's extents.
   *
   * @throws IllegalArgumentException if the container is compressed, or has no room for the disk
   */
  public Layout laidOut(DiskSource disk) throws IOException {
    return switch (to) {
      case RAW, QCOW2, VMDK, VHD, VHD_FIXED, VHDX, VDI -> layout(disk);
      case QCOW2_ZLIB, QCOW2_ZSTD, VMDK_STREAM ->
          throw new IllegalArgumentException(to + " is compressed");
    };
  }

  @FunctionalInterface
  private interface Writing {
    long write(DiskSource disk) throws IOException;
  }

  private Result hashing(DiskSource disk, Writing writing) throws IOException {
    if (!digest) {
      return new Result(writing.write(disk), Optional.empty());
    }
    HashingDisk hashing = new HashingDisk(disk, disk.size(), DiskHasher.NO_LEAVES);
    long bytes = writing.write(hashing);
    return new Result(bytes, Optional.of(hashing.manifest()));
  }

  private void write(DiskSource disk, FileChannel file) throws IOException {
    switch (to) {
      case QCOW2_ZLIB -> {
        Deflate deflate = deflate(Wrapper.RAW).within(QCOW2_WINDOW_BITS);
        Qcow2Compressed.write(disk, file, Qcow2Header.Compression.DEFLATE, deflate::open);
      }
      case QCOW2_ZSTD -> {
        int strength = level.orElse(ZSTD_LEVEL);
        Qcow2Compressed.write(disk, file, Qcow2Header.Compression.ZSTD, () -> new Zstd(strength));
      }
      case VMDK_STREAM -> stream(disk).write(file);
      case RAW, QCOW2, VMDK, VHD, VHD_FIXED, VHDX, VDI -> {
        Layout layout = layout(disk);
        DiskPass.over(disk, ImageWriter.into(file, layout));
        ImageWriter.frame(file, layout);
      }
    }
  }

  private Layout layout(DiskSource disk) throws IOException {
    return switch (to) {
      case RAW -> RawDisk.layout(disk);
      case QCOW2 -> Qcow2Layout.of(disk);
      case VMDK -> VmdkLayout.of(disk, id);
      case VHD -> VhdLayout.of(disk, id);
      case VHD_FIXED -> VhdLayout.fixed(disk, id);
      case VHDX -> VhdxLayout.of(disk, id);
      case VDI -> VdiLayout.of(disk, id);
      case QCOW2_ZLIB, QCOW2_ZSTD, VMDK_STREAM ->
          throw new IllegalStateException(to + " is compressed");
    };
  }

  private VmdkStream stream(DiskSource disk) {
    Deflate deflate = deflate(Wrapper.ZLIB);
    return new VmdkStream(disk, id, deflate.identity(), deflate::open);
  }

  private Deflate deflate(Wrapper wrapper) {
    if (deflate.isPresent()) {
      Deflate.Library library = deflate.get();
      return new Deflate(library, wrapper, level.orElse(library.usual()), Deflate.WINDOW_BITS);
    }
    return level.isPresent() ? Deflate.level(wrapper, level.getAsInt()) : Deflate.fastest(wrapper);
  }

  /** Says how far it has been read. */
  private record WatchedDisk(DiskSource disk, Progress progress) implements DiskSource {
    @Override
    public long size() {
      return disk.size();
    }

    @Override
    public Extent extentAt(long offset, long atMost) throws IOException {
      return disk.extentAt(offset, atMost);
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      disk.read(offset, into);
      progress.at(offset);
    }

    @Override
    public void close() throws IOException {
      disk.close();
    }
  }
}
