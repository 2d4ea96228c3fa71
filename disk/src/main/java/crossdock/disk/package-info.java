/**
 * Disks as a guest sees them. Every format, cloud and network meets at {@link
 * crossdock.disk.DiskSource} and {@link crossdock.disk.DiskSink}.
 */
@NullMarked
package crossdock.disk;

import org.jspecify.annotations.NullMarked;
