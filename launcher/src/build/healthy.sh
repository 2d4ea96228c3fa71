#!/usr/bin/env bash
# Asks the service of this container whether it is ready, where its own properties say that it listens.
set -euo pipefail
property() { sed -n "s/^micronaut.server.$1=//p" "$MICRONAUT_CONFIG_FILES"; }
exec 3<> "/dev/tcp/$(property host)/$(property port)"
printf 'GET /health/readiness HTTP/1.0\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
