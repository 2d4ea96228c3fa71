@NullMarked
package crossdock.gateway.log;

import org.jspecify.annotations.NullMarked;
