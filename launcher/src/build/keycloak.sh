#!/usr/bin/env bash
# Keycloak's own build step, once: without it every start would repeat it for half a minute.
set -euo pipefail
home=$1
[ -e "$home/built" ] && exit 0
options=(--db=postgres --health-enabled=true)
# Sixty lines of progress are of use only when it fails.
if ! log=$(bash "$home/bin/kc.sh" build "${options[@]}" 2>&1); then
  printf '%s\n' "$log" >&2
  exit 1
fi
touch "$home/built"
