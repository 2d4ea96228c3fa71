/** Which sites there are, and how a machine of one maps to another. */
@NullMarked
package crossdock.catalog;

import org.jspecify.annotations.NullMarked;
