/** The import-service. */
@NullMarked
package crossdock.imports;

import org.jspecify.annotations.NullMarked;
