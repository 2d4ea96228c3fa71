package crossdock.providers;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;

/**
 * Lets its holder read or write one disk and nothing else. Holds no credentials. The
 * conversion-service fetches it over mutual TLS and opens only what lies below the directory that
 * its site was set up with.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(DiskTicket.Image.class),
  @JsonSubTypes.Type(DiskTicket.Export.class)
})
public sealed interface DiskTicket {
  /** The disk's name in its machine. */
  String disk();

  /**
   * A disk image in a file: to be read as it is, or to be written under this name by the finish of
   * its sink.
   *
   * @param path relative to the site's directory, without {@code ..}
   * @param format raw, qcow2, vmdk, vhd, vhdx or vdi; declared, never probed
   * @param virtualBytes guest-visible size
   */
  @JsonTypeName("image")
  record Image(String disk, String path, String format, long virtualBytes) implements DiskTicket {}

  /**
   * A disk that a running hypervisor serves over NBD, read-only, at one instant.
   *
   * @param socket of the NBD server, relative to the site's directory
   * @param export its name there
   */
  @JsonTypeName("export")
  record Export(String disk, String socket, String export, long virtualBytes)
      implements DiskTicket {}
}
