/** Prices before, readings during, a statement and double-entry postings after. */
@NullMarked
package crossdock.billing;

import org.jspecify.annotations.NullMarked;
