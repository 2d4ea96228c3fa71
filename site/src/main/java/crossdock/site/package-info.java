/** What the services of a site share. */
@NullMarked
package crossdock.site;

import org.jspecify.annotations.NullMarked;
