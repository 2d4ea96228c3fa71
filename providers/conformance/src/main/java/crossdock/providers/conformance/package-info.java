/**
 * What every provider's adapter is held to; an adapter's own tests implement {@link
 * CloudConformance}.
 */
@NullMarked
package crossdock.providers.conformance;

import org.jspecify.annotations.NullMarked;
