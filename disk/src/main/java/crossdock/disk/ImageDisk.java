package crossdock.disk;

import java.util.List;

/** A disk in an image that can say what is special about it. */
interface ImageDisk extends DiskSource {
  /**
   * What its header says.
   *
   * @param variant of the format
   * @param clusterBytes what is stored or not stored as a whole
   * @param compression of what is stored compressed: none, deflate or zstd
   * @param unusual what not every such image has
   */
  record About(String variant, long clusterBytes, String compression, List<String> unusual) {}

  /** What its header says. */
  About about();
}
