package crossdock.disk;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** A disk in an image, which can say what is special about the image. */
public interface ImageDisk extends DiskSource {
  /**
   * What its header says.
   *
   * @param variant of the format, in its own words
   * @param clusterBytes what is stored or not stored as a whole; 1 where there is no such thing
   * @param compression of what is stored compressed: none, deflate or zstd
   * @param unusual what somebody should know who is given this image
   */
  record About(String variant, long clusterBytes, String compression, List<String> unusual) {
    public About {
      unusual = List.copyOf(unusual);
    }
  }

  /** What its header says. */
  About about();

  /** How many of the disk's bytes the image stores, compressed or not. Reads all of its tables. */
  default long allocatedBytes() throws IOException {
    long allocated = 0;
    try {
      for (Extent extent : extents(0, size())) {
        allocated += extent.kind() == Extent.Kind.DATA ? extent.length() : 0;
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return allocated;
  }

  /**
   * Visits every table of the image.
   *
   * @return what is odd about it and does no harm to a reader
   * @throws BadImageException at the first thing that does
   */
  default List<Finding> check() throws IOException {
    long _ = allocatedBytes();
    return List.of();
  }
}
