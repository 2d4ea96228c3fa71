/** What the tests of a site's services share; never on a running service's class path. */
@NullMarked
package crossdock.site.testing;

import org.jspecify.annotations.NullMarked;
