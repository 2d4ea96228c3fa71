/** Which accounts at the providers one customer has. */
@NullMarked
package crossdock.identity;

import org.jspecify.annotations.NullMarked;
