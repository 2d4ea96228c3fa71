#!/usr/bin/env bash
# Converts the disk of bench/disk-image.sh with ./crossdock disk and with qemu-img, in turns, and prints medians as the table in
# docs/performance.md. Then its first GiB, as a disk of 1 GiB and as one of 15 TiB.
# usage: bench/disk.sh [runs of each, at least 5] [format …]      needs qemu-utils, e2fsprogs, openssl, time
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
[ $# -eq 0 ] || shift
formats=("$@")
[ ${#formats[@]} -gt 0 ] || formats=(vmdk-stream qcow2-zlib qcow2-zstd raw qcow2 vmdk vhd vhdx vdi digest)
for tool in qemu-img mke2fs openssl /usr/bin/time; do
  command -v "$tool" > /dev/null || { echo "$tool is missing" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# shellcheck source=bench/disk-image.sh
. bench/disk-image.sh

qemu_options() {
  case $1 in
    vmdk-stream) echo -O vmdk -o subformat=streamOptimized ;;
    qcow2-zlib) echo -c -O qcow2 ;;
    qcow2-zstd) echo -c -O qcow2 -o compression_type=zstd ;;
    vhd) echo -O vpc ;;
    *) echo -O "$1" ;;
  esac
}

# name, then the command: one line "name wall cpu kilobytes bytes-allocated bytes" in $work/figures
measure() {
  local name=$1 out=$work/out
  shift
  rm -f "$out"
  sync
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" > "$work/said"
  awk -v name="$name" -v allocated="$(($(stat -c '%b * %B' "$out" 2> /dev/null || echo 0)))" \
    -v bytes="$(stat -c %s "$out" 2> /dev/null || echo 0)" \
    '{ printf "%s %.2f %.2f %d %d %d\n", name, $1, $2 + $3, $4, allocated, bytes }' "$work/time" >> "$work/figures"
}

median() { # $1 name, $2 column
  awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$work/figures" | sort -n | awk '
    { value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

ours() {
  case $1 in
    vmdk-stream | qcow2-zlib) echo isal libdeflate jdk ;;
    *) echo plain ;;
  esac
}

deflate() { [ "$1" = plain ] || echo --deflate "$1"; }

make_disk "$work"
echo "disk: $(du -m "$work/disk.qcow2" | cut -f1) MiB of data in 4 GiB; medians of $runs; $(nproc) cores; $(qemu-img --version | head -1)"
echo
echo "| conversion from qcow2 | wall | CPU | peak memory | output | wall against the faster qemu-img | size against qemu-img |"
echo "|---|---|---|---|---|---|---|"
for format in "${formats[@]}"; do
  : > "$work/figures"
  if [ "$format" = digest ]; then
    openssl_bytes=$(($(stat -c '%b * %B' "$work/disk.qcow2")))
    for ((n = 0; n < runs; n++)); do
      measure openssl openssl dgst -sha256 "$work/disk.qcow2"
      measure digest ./crossdock disk digest "$work/disk.qcow2"
    done
    printf '| `openssl dgst -sha256` of %d MiB | %s s | %s s | %d MiB | | | |\n' $((openssl_bytes >> 20)) \
      "$(median openssl 2)" "$(median openssl 3)" $(($(median openssl 4) >> 10))
    printf '| digest | %s s | %s s | %d MiB | | %.2f of openssl | |\n' "$(median digest 2)" "$(median digest 3)" \
      $(($(median digest 4) >> 10)) "$(echo "$(median digest 2) $(median openssl 2)" | awk '{ print $1 / $2 }')"
    continue
  fi
  read -ra options <<< "$(qemu_options "$format")"
  for ((n = 0; n < runs; n++)); do
    measure qemu qemu-img convert "${options[@]}" "$work/disk.qcow2" "$work/out"
    measure qemu-mW qemu-img convert -m 8 -W "${options[@]}" "$work/disk.qcow2" "$work/out"
    for library in $(ours "$format"); do
      # shellcheck disable=SC2046
      measure "$library" ./crossdock disk convert "$work/disk.qcow2" "$work/out" --to "$format" $(deflate "$library")
      # shellcheck disable=SC2046
      measure "$library+digest" ./crossdock disk convert "$work/disk.qcow2" "$work/out" --to "$format" --digest $(deflate "$library")
    done
  done
  qemu=$(printf '%s\n%s\n' "$(median qemu 2)" "$(median qemu-mW 2)" | sort -n | head -1)
  size=$(median qemu 5)
  for name in qemu qemu-mW $(for library in $(ours "$format"); do echo "$library $library+digest"; done); do
    printf '| %s, %s | %s s | %s s | %d MiB | %d MiB | %s | %s |\n' "$format" "$name" "$(median "$name" 2)" "$(median "$name" 3)" \
      $(($(median "$name" 4) >> 10)) $(($(median "$name" 5) >> 20)) \
      "$(echo "$(median "$name" 2) $qemu" | awk '{ printf "%.2f", $1 / $2 }')" \
      "$(echo "$(median "$name" 5) $size" | awk '{ printf "%.2f", $1 / $2 }')"
  done
done

echo
echo "| $(($(stat -c '%b * %B' "$work/1GiB.qcow2") >> 20)) MiB of data | wall in 1 GiB | in 15 TiB | peak memory in 1 GiB | in 15 TiB |"
echo "|---|---|---|---|---|"
for format in "${formats[@]}"; do
  # These end at 2 TiB.
  [[ $format != vhd && $format != vmdk ]] || continue
  : > "$work/figures"
  for ((n = 0; n < runs; n++)); do
    for size in 1GiB 15TiB; do
      if [ "$format" = digest ]; then
        measure "$size" ./crossdock disk digest "$work/$size.qcow2"
      else
        measure "$size" ./crossdock disk convert "$work/$size.qcow2" "$work/out" --to "$format"
      fi
    done
  done
  printf '| %s | %s s | %s s | %d MiB | %d MiB |\n' "$format" "$(median 1GiB 2)" "$(median 15TiB 2)" \
    $(($(median 1GiB 4) >> 10)) $(($(median 15TiB 4) >> 10))
done
