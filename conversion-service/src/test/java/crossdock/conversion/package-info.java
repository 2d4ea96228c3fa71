@NullMarked
package crossdock.conversion;

import org.jspecify.annotations.NullMarked;
