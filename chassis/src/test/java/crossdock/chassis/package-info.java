@NullMarked
package crossdock.chassis;

import org.jspecify.annotations.NullMarked;
