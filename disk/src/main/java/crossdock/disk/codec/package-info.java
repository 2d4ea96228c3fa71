/** Compression of one block at a time, whatever library does it. */
@NullMarked
package crossdock.disk.codec;

import org.jspecify.annotations.NullMarked;
