/** The one place that knows all adapters. */
@NullMarked
package crossdock.providers.adapters;

import org.jspecify.annotations.NullMarked;
