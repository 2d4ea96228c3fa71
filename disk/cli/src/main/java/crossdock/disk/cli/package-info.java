/** The disk engine on the command line. */
@NullMarked
package crossdock.disk.cli;

import org.jspecify.annotations.NullMarked;
