/** A KVM landing hypervisor as a provider, without a daemon: one QEMU process per machine. */
@NullMarked
package crossdock.providers.kvm;

import org.jspecify.annotations.NullMarked;
