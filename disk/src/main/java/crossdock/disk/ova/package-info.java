/** Machines in OVF packages, and those in one file: OVF descriptors, manifests, and OVAs. */
@NullMarked
package crossdock.disk.ova;

import org.jspecify.annotations.NullMarked;
