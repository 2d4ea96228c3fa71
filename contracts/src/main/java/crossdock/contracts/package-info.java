/** The shared contracts. Nothing in here knows a framework, a network or a clock. */
@NullMarked
package crossdock.contracts;

import org.jspecify.annotations.NullMarked;
