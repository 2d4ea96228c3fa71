@NullMarked
package crossdock.imports;

import org.jspecify.annotations.NullMarked;
