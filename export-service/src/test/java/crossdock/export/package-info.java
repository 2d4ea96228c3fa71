@NullMarked
package crossdock.export;

import org.jspecify.annotations.NullMarked;
