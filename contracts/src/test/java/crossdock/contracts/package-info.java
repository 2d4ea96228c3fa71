@NullMarked
package crossdock.contracts;

import org.jspecify.annotations.NullMarked;
