/** What every service needs once. */
@NullMarked
package crossdock.chassis;

import org.jspecify.annotations.NullMarked;
