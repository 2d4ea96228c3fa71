@NullMarked
package crossdock.providers.openstack;

import org.jspecify.annotations.NullMarked;
