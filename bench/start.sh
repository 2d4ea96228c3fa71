#!/usr/bin/env bash
# Seconds from `./crossdock up` to all ready, with the start-up caches of the build and without, in turns.
# The first line of each kind is a first start with empty databases; all later ones find their data.
# usage: bench/start.sh [starts of each kind, at least 2]
set -euo pipefail
cd "$(dirname "$0")/.."
starts=${1:-4}
work=$(mktemp -d)
declare -A options=([with]='' [without]=-XX:AOTMode=off)

each() { # $1 kind
  CROSSDOCK_STATE=$work/$1 JDK_JAVA_OPTIONS=${options[$1]} "${@:2}" 2> /dev/null
}
trap 'for kind in with without; do each $kind ./crossdock down > /dev/null; done; rm -rf "$work"' EXIT

for ((n = 1; n <= starts; n++)); do
  for kind in with without; do
    each "$kind" ./crossdock up | awk -v kind="$kind" -v n="$n" '
      $2 == "ready" && $4 + 0 > last { last = $4 + 0 }
      END { printf "%-8s start %d: %5.1f s\n", kind, n, last }'
    for pid in $(cat "$work/$kind"/run/*/pid "$work/$kind/supervisor.pid" | cut -d' ' -f1); do
      awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"
    done | awk '{ sum += $1 } END { printf "         PSS of supervisor, servers and services: %.2f GiB\n", sum / 1048576 }'
    each "$kind" ./crossdock down > /dev/null
  done
done
