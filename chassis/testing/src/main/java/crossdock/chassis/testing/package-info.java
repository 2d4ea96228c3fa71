/** What the services' tests share; never on a running service's class path. */
@NullMarked
package crossdock.chassis.testing;

import org.jspecify.annotations.NullMarked;
