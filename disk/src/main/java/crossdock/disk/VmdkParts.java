package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.VmdkHeader.SECTOR;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** A disk in the files that a VMDK descriptor names, one after the other. */
final class VmdkParts implements ImageDisk {
  private static final Set<String> TYPES =
      Set.of("monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse", "vmfs");
  private static final int MOST_PARTS = 2048;

  private sealed interface Part {
    record Sparse(VmdkDisk disk) implements Part {}

    record Flat(ImageBytes image, long from) implements Part {}

    record Zero() implements Part {}
  }

  private record Placed(long offset, long length, Part part) {}

  private final List<Placed> parts = new ArrayList<>();
  private final String type;
  private long size;

  private VmdkParts(String type) {
    this.type = type;
  }

  /**
   * Opens a descriptor file of type monolithicFlat, twoGbMaxExtentFlat, twoGbMaxExtentSparse or
   * vmfs and the regular files beside it that it names, each of them once.
   *
   * @param most bytes that the disk may have for its guest
   * @throws BadImageException if it, or one of the files, is refused
   */
  static VmdkParts open(Path descriptor, long most) throws IOException {
    VmdkDescriptor described;
    try (ImageBytes file = file(descriptor)) {
      int length = (int) Math.min(file.size(), Integer.MAX_VALUE);
      String text = text(file.read(0, length, ByteOrder.LITTLE_ENDIAN));
      described = VmdkDescriptor.parse(0, text, text.length());
    }
    if (!TYPES.contains(described.createType())) {
      throw bad(Reason.UNSUPPORTED, 0, described.createType(), "" + TYPES);
    }
    ImageBytes.range(0, "extents", described.parts().size(), 1, MOST_PARTS);
    VmdkParts disk = new VmdkParts(described.createType());
    try {
      Set<String> names = new HashSet<>(Set.of("" + descriptor.getFileName()));
      for (VmdkDescriptor.Part part : described.parts()) {
        if (!part.file().isEmpty() && !names.add(part.file())) {
          throw bad(Reason.FOREIGN_REFERENCE, 0, "a file twice", "once");
        }
        disk.add(part, beside(descriptor, part.file()), most);
      }
      return disk;
    } catch (Throwable e) {
      disk.close();
      throw e;
    }
  }

  /** Linux writes UTF-8, Windows its own; names of neither kind are pure ASCII always. */
  private static String text(ByteBuffer bytes) {
    try {
      return UTF_8.newDecoder().decode(bytes.duplicate()).toString();
    } catch (CharacterCodingException e) {
      return ISO_8859_1.decode(bytes).toString();
    }
  }

  private static Path beside(Path descriptor, String name) throws BadImageException {
    try {
      return descriptor.resolveSibling(name);
    } catch (InvalidPathException e) {
      throw bad(Reason.FOREIGN_REFERENCE, 0, "a name that this host cannot have", "another");
    }
  }

  private void add(VmdkDescriptor.Part part, Path path, long most) throws IOException {
    long length = ImageBytes.range(0, "extent sectors", part.sectors(), 1, Long.MAX_VALUE / SECTOR);
    long from = ImageBytes.range(0, "offset", part.from(), 0, Long.MAX_VALUE / SECTOR) * SECTOR;
    ImageBytes.virtualSize(0, length * SECTOR, most - size);
    switch (part.kind()) {
      case VmdkDescriptor.SPARSE -> add(length, sparse(file(path), length));
      case VmdkDescriptor.FLAT, VmdkDescriptor.VMFS -> {
        ImageBytes image = file(path);
        add(length, new Part.Flat(image, from));
        image.inside(from, length * SECTOR);
      }
      case VmdkDescriptor.ZERO -> add(length, new Part.Zero());
      default -> throw bad(Reason.UNSUPPORTED, 0, "extent " + part.kind(), "SPARSE, FLAT, VMFS");
    }
  }

  private static Part sparse(ImageBytes image, long sectors) throws IOException {
    try {
      return new Part.Sparse(VmdkDisk.part(image, sectors));
    } catch (Throwable e) {
      image.close();
      throw e;
    }
  }

  private void add(long sectors, Part part) {
    parts.add(new Placed(size, sectors * SECTOR, part));
    size += sectors * SECTOR;
  }

  private static ImageBytes file(Path path) throws IOException {
    // Not opened first: that would block on a pipe.
    if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
      throw bad(Reason.NOT_A_FILE, 0, "" + path.getFileName(), "a regular file");
    }
    return ImageBytes.of(
        FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
  }

  @Override
  public About about() {
    long grain = 1;
    for (Placed placed : parts) {
      if (placed.part instanceof Part.Sparse(VmdkDisk disk)) {
        grain = Math.max(grain, disk.about().clusterBytes());
      }
    }
    return new About(type, grain, "none", List.of("in " + parts.size() + " extents"));
  }

  @Override
  public long size() {
    return size;
  }

  private Placed at(long offset) {
    int low = 0;
    int high = parts.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (parts.get(middle).offset <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return parts.get(low);
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    Objects.checkIndex(offset, size);
    Placed placed = at(offset);
    long within = offset - placed.offset;
    long length = Math.min(atMost, placed.length - within);
    return switch (placed.part) {
      case Part.Sparse(VmdkDisk disk) -> {
        Extent extent = disk.extentAt(within, length);
        yield new Extent(offset, extent.length(), extent.kind());
      }
      case Part.Flat _ -> new Extent(offset, length, Extent.Kind.DATA);
      case Part.Zero _ -> new Extent(offset, length, Extent.Kind.ZERO);
    };
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    int end = into.limit();
    for (long at = offset; into.position() < end; ) {
      Placed placed = at(at);
      long within = at - placed.offset;
      int length = (int) Math.min(end - into.position(), placed.length - within);
      into.limit(into.position() + length);
      switch (placed.part) {
        case Part.Sparse(VmdkDisk disk) -> disk.read(within, into);
        case Part.Flat(ImageBytes image, long from) -> image.read(from + within, into);
        case Part.Zero _ -> Zeros.fill(into, length);
      }
      into.limit(end);
      at += length;
    }
  }

  @Override
  public void close() throws IOException {
    for (Placed placed : parts) {
      switch (placed.part) {
        case Part.Sparse(VmdkDisk disk) -> disk.close();
        case Part.Flat(ImageBytes image, _) -> image.close();
        case Part.Zero _ -> {}
      }
    }
  }
}
