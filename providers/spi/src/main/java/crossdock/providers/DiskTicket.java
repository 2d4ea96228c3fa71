package crossdock.providers;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import java.net.URI;

/**
 * Lets its holder read or write one disk and nothing else: by a path, which the conversion-service
 * opens only below the directory that its site was set up with, or by a credential that is good for
 * this disk alone. It is fetched over mutual TLS.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(DiskTicket.Image.class),
  @JsonSubTypes.Type(DiskTicket.Export.class),
  @JsonSubTypes.Type(DiskTicket.Glance.class)
})
public sealed interface DiskTicket {
  /** The disk's name in its machine. */
  String disk();

  /** Its guest-visible size. */
  long virtualBytes();

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

  /**
   * An image in OpenStack's Glance: read with GET and ranges, or written with one PUT.
   *
   * @param image URL of the image's data
   * @param access opens nothing but that URL, with that method
   * @param format as in {@link Image}
   */
  @JsonTypeName("glance")
  record Glance(String disk, URI image, Access access, String format, long virtualBytes)
      implements DiskTicket {}

  /**
   * A Keystone application credential whose access rules name one request; ends with the migration.
   *
   * @param keystone URL of the identity API's version 3
   */
  record Access(URI keystone, String id, String secret) {
    @Override
    public String toString() {
      return "Access[" + keystone + ", " + id + "]";
    }
  }
}
