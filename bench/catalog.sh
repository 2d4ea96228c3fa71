#!/usr/bin/env bash
# Plans so many machines (1000) against so many regions (200), ranks the offers of each, and says how long that took, in rounds (5) of one
# process on all cores. The first one is cold.
# usage: bench/catalog.sh [machines [regions [rounds]]]
set -euo pipefail
cd "$(dirname "$0")/.."
JAVA_HOME=$(./crossdock jdk)
export JAVA_HOME
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
./mvnw -q test-compile dependency:build-classpath -Dcrossdock.training.skip=true -pl catalog -am -DincludeScope=test -Dmdep.outputFile="$work/classpath" > "$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
java=("$JAVA_HOME/bin/java" -Xmx512m -cp "catalog/target/test-classes:catalog/target/classes:$(cat "$work/classpath")")
"${java[@]}" crossdock.catalog.CatalogBench "${1:-1000}" "${2:-200}" "${3:-5}"
