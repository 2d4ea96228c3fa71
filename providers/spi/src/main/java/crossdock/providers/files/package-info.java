/** What adapters need that keep their site in files: durable ones, turns at them, and fences. */
@NullMarked
package crossdock.providers.files;

import org.jspecify.annotations.NullMarked;
