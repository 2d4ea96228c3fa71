@NullMarked
package crossdock.site;

import org.jspecify.annotations.NullMarked;
