/** The one log of every migration and who writes it. Knows no HTTP. */
@NullMarked
package crossdock.gateway.log;

import org.jspecify.annotations.NullMarked;
