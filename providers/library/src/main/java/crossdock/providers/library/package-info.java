/** A provider that is a directory of OVF packages. */
@NullMarked
package crossdock.providers.library;

import org.jspecify.annotations.NullMarked;
