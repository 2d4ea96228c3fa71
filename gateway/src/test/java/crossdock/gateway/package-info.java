@NullMarked
package crossdock.gateway;

import org.jspecify.annotations.NullMarked;
