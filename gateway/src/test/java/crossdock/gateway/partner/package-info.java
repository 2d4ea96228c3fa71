@NullMarked
package crossdock.gateway.partner;

import org.jspecify.annotations.NullMarked;
