# What up, down, status and enter share: names, addresses and ports of the lab. Two sites as in launcher's Site.
base=${CROSSDOCK_PORTS:-19000}
core=crossdock.core core_address=10.71.0.1
sites=(north south)
foundations="$((base + 50)), $((base + 51)), $((base + 53))" # PostgreSQL, Kafka, Keycloak
export PATH=$PATH:/usr/sbin:/sbin

export_of() { echo "${sites[$1]}.VMExportSubnet"; }
import_of() { echo "${sites[$1]}.VMImportSubnet"; }
export_address() { echo "10.71.$(($1 + 1)).1"; }
import_address() { echo "10.71.$(($1 + 1)).2"; }
port() { echo $((base + 10 * ($1 + 1) + $2)); } # of a site's service: export 0, import 1, dock 2; and 5 more with TLS
within() { local namespace=$1; shift; nsenter --net="/run/netns/$namespace" "$@"; }
there() { [ -e "/run/netns/$1" ]; }
