@org.jspecify.annotations.NullMarked
package crossdock.providers.disks;
