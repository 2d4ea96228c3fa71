/** Starts, watches and ends every process of Crossdock on one machine. */
@NullMarked
package crossdock.launcher;

import org.jspecify.annotations.NullMarked;
