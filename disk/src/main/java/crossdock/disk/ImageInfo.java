package crossdock.disk;

import java.util.List;

/**
 * What an image is.
 *
 * @param variant of its format, in its own words
 * @param virtualBytes the disk's size
 * @param allocatedBytes how much of the disk the image stores
 * @param fileBytes the length of the file
 * @param clusterBytes what is stored or not stored as a whole; 1 where there is no such thing
 * @param compression of what it stores: none, zlib or zstd
 * @param unusual what somebody should know who is given this image
 */
public record ImageInfo(
    DiskFormat format,
    String variant,
    long virtualBytes,
    long allocatedBytes,
    long fileBytes,
    long clusterBytes,
    String compression,
    List<String> unusual) {
  public ImageInfo {
    unusual = List.copyOf(unusual);
  }
}
