@NullMarked
package crossdock.gateway.api;

import org.jspecify.annotations.NullMarked;
