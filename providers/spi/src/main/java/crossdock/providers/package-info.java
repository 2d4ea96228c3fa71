/**
 * The two halves of a provider: {@link crossdock.providers.Cloud} with credentials, {@link
 * crossdock.providers.DiskTicket} without.
 */
@NullMarked
package crossdock.providers;

import org.jspecify.annotations.NullMarked;
