/** OpenStack as a provider: Keystone, Nova, Glance, Cinder and Neutron through openstack4j. */
@NullMarked
package crossdock.providers.openstack;

import org.jspecify.annotations.NullMarked;
