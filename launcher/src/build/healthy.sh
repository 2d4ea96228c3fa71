#!/usr/bin/env bash
# Asks the service of this container whether it is ready, where its own properties say that it listens. Starts no other
# program: every container asks every few seconds.
set -euo pipefail
while IFS='=' read -r key value; do
  case $key in
    micronaut.server.host) host=$value ;;
    micronaut.server.port) port=$value ;;
  esac
done < "$MICRONAUT_CONFIG_FILES"
exec 3<> "/dev/tcp/$host/$port"
printf 'GET /health/readiness HTTP/1.0\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
