/** The export-service. */
@NullMarked
package crossdock.export;

import org.jspecify.annotations.NullMarked;
