#!/usr/bin/env bash
# Prints a table of what each adapter was held to, from the reports of the last runs of the conformance suites:
#   ./crossdock test -pl providers/library,providers/kvm -am
#   lab/openstack/up && CROSSDOCK_OPENSTACK=http://127.0.0.1:5000/v3 ./crossdock test -pl providers/openstack -am
#   bench/providers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A row=() names=()
columns=()
for report in providers/*/target/surefire-reports/TEST-*ConformanceTest.xml providers/library/target/surefire-reports/TEST-*VmdkLibraryTest.xml; do
  [ -e "$report" ] || continue
  column=$(basename "$report" .xml)
  column=${column##*.}
  columns+=("$column")
  # One line a test: its name without its arguments, and how it went.
  while read -r name outcome; do
    names[$name]=1
    case ${row[$column/$name]:-passed}/$outcome in
      passed/*) row[$column/$name]=$outcome ;;
    esac
  done < <(awk -v RS='<testcase ' 'NR > 1 {
    match($0, /name="[A-Za-z0-9]+/); name = substr($0, RSTART + 6, RLENGTH - 6)
    outcome = "passed"
    if ($0 ~ /<failure|<error/) outcome = "FAILED"; else if ($0 ~ /<skipped/) outcome = "not-run"
    print name, outcome }' "$report")
done
[ ${#columns[@]} -gt 0 ] || { echo "no reports: run the suites first" >&2; exit 1; }
printf '| promise |'; printf ' %s |' "${columns[@]}"; printf '\n|---|'; printf -- '---|%.0s' "${columns[@]}"; printf '\n'
for name in $(printf '%s\n' "${!names[@]}" | sort); do
  printf '| %s |' "$(sed -E 's/([A-Z])/ \L\1/g' <<< "$name")"
  for column in "${columns[@]}"; do printf ' %s |' "${row[$column/$name]:-}"; done
  printf '\n'
done
