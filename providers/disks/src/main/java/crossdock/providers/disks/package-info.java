/** Opens the disks that {@link crossdock.providers.DiskTicket}s name, wherever they lie. */
@NullMarked
package crossdock.providers.disks;

import org.jspecify.annotations.NullMarked;
