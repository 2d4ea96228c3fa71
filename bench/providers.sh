#!/usr/bin/env bash
# Writes into docs/providers.md what each adapter was held to, from the reports of the last runs of the conformance suites:
#   ./crossdock test -pl providers/library,providers/kvm -am
#   lab/openstack/up && CROSSDOCK_OPENSTACK=http://127.0.0.1:5000/v3 ./crossdock test -pl providers/openstack -am
#   bench/providers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/providers.md
suites=(RawLibraryTest VmdkLibraryTest KvmConformanceTest BridgedKvmConformanceTest OpenStackConformanceTest LocalRootConformanceTest)
titles=('`library`, raw' '`library`, vmdk' '`kvm`' '`kvm`, bridged' '`openstack`, volumes' '`openstack`, local root')
modules=(library library kvm kvm openstack openstack)
version() { # version MODULE: what it was verified against
  case $1 in
    library) findmnt -no FSTYPE -T . ;;
    kvm) qemu-system-x86_64 --version | sed -En 's/^QEMU emulator version ([0-9.]+).*/QEMU \1/p' ;;
    openstack) dpkg-query -W -f 'Nova ${Version}' python3-nova | sed -E 's/[0-9]+://; s/-.*//' ;;
  esac
}

declare -A row=() names=()
against='| verified against |' ran='| when, in how many seconds |'
for suite in "${!suites[@]}"; do
  # Of several (TEST-…Test.xml, TEST-…Test-2.xml) a later one says how the tests in it went at last.
  mapfile -t reports < <(ls -tr providers/"${modules[suite]}"/target/surefire-reports/TEST-*."${suites[suite]}"{,-*}.xml 2> /dev/null)
  [ ${#reports[@]} -gt 0 ] || { echo "no report of ${suites[suite]}: run it first" >&2; exit 1; }
  against+=" $(version "${modules[suite]}") |"
  ran+=" $(date -u -r "${reports[0]}" +%F), $(grep -m1 -oE ' time="[0-9,]+' "${reports[0]}" | tr -dc 0-9) |"
  for report in "${reports[@]}"; do
    # One line a test: its name without its arguments, and how it went.
    awk -v RS='<testcase ' 'NR > 1 {
      match($0, /name="[A-Za-z0-9]+/); name = substr($0, RSTART + 6, RLENGTH - 6)
      outcome = "passed"
      if ($0 ~ /<failure|<error/) outcome = "**failed**"; else if ($0 ~ /<skipped/) outcome = "not run"
      if (!(name in all) || all[name] == "passed") all[name] = outcome }
      END { for (name in all) print name, all[name] }' "$report" > target/outcomes
    while read -r name outcome; do
      names[$name]=1
      row[$suite/$name]=$outcome
    done < target/outcomes
  done
done

table() {
  printf '| promise |'; printf ' %s |' "${titles[@]}"; printf '\n|---|'; printf -- '---|%.0s' "${titles[@]}"; printf '\n%s\n%s\n' "$against" "$ran"
  local name suite
  for name in $(printf '%s\n' "${!names[@]}" | sort); do
    printf '| %s |' "$(sed -E 's/([A-Z])/ \L\1/g' <<< "$name")"
    for suite in "${!suites[@]}"; do printf ' %s |' "${row[$suite/$name]:-}"; done
    printf '\n'
  done
}
table > target/providers.table
sed -i -e '/<!-- table -->/,/<!-- end -->/ { /<!-- table -->/ { p; r target/providers.table
  d }; /<!-- end -->/ !d }' "$page"
echo "written into $page"
