@NullMarked
package crossdock.providers.library;

import org.jspecify.annotations.NullMarked;
