/** The gateway: it orders, it never vouches. */
@NullMarked
package crossdock.gateway;

import org.jspecify.annotations.NullMarked;
