#!/usr/bin/env bash
# Fuzzes the parsers of the disk engine, each in a JVM of its own, as many at once as there are cores, and prints a line of figures for each target.
# usage: bench/fuzz.sh [seconds of each] [target …]
# SEED=N begins with the same choices each time. PLANTED=1 plants a bug behind the tables of every format, and fails unless each is found.
set -euo pipefail
cd "$(dirname "$0")/../disk"
JAVA_HOME=$(../crossdock jdk)
export JAVA_HOME
seconds=${1:-60}
[ $# -eq 0 ] || shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(Qcow2Fuzz VmdkFuzz VhdFuzz VhdxFuzz VdiFuzz ova.OvaFuzz PartitionsFuzz)
../mvnw -q -f .. -pl disk -Dspotless.check.skip=true test-compile dependency:build-classpath \
  -Dmdep.outputFile="$PWD/target/test-classpath" -Dmdep.includeScope=test
classpath=target/classes:target/test-classes:$(cat target/test-classpath)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fuzz() {
  local target=$1 log=$work/$1.log corpus=$work/$1.corpus began=$SECONDS status=0 last runs took found
  mkdir "$corpus"
  "$JAVA_HOME/bin/java" -Xmx1g ${PLANTED:+-Dcrossdock.planted=true} --enable-native-access=ALL-UNNAMED \
    --sun-misc-unsafe-memory-access=allow -cp "$classpath" com.code_intelligence.jazzer.Jazzer \
    --target_class="crossdock.disk.$target" --instrumentation_includes='crossdock.disk.**' \
    --reproducer_path="$work" -artifact_prefix="$work/" \
    -max_total_time="$seconds" -seed="${SEED:-0}" -timeout=20 -print_final_stats=1 "$corpus" > "$log" 2>&1 || status=$?
  last=$(grep -aE '^#[0-9]+.*cov: ' "$log" | tail -1 || true)
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  took=$((SECONDS - began))
  found=$(grep -acE '== Java Exception|== libFuzzer crashing input|ERROR: libFuzzer' "$log" || true)
  printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$target" "$(awk "BEGIN { printf \"%.1f\", $took / 60 }")" "${runs:-none}" \
    "$((${runs:-0} / (took > 0 ? took : 1)))" "$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' <<< "$last")" \
    "$(sed -n 's,.*corp: \([0-9]*\).*,\1,p' <<< "$last")" "$found"
  if [ -n "${PLANTED:-}" ]; then
    grep -aq 'AssertionError: planted' "$log" || {
      echo "the planted bug of $target was not found" >&2
      touch "$work/failed"
    }
  elif [ "$status" -ne 0 ] || [ -z "$runs" ]; then
    tail -40 "$log" >&2
    touch "$work/failed"
  fi
}

echo "| target | minutes | executions | a second | edges | corpus | findings |"
echo "|---|---|---|---|---|---|---|"
for target in "${targets[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
    wait -n
  done
  fuzz "$target" &
done
wait
[ ! -e "$work/failed" ]
