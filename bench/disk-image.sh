# The disk of the benchmarks: an ext4 of 4 GiB that holds some 1.4 GiB of this system's own files, in a qcow2. Then its first GiB,
# as a disk of 1 GiB and as one of 15 TiB. To be read by the other scripts.
make_disk() { # DIRECTORY
  local work=$1
  local files=$work/files size=0 bytes name
  mkdir "$files"
  # Sorted, so that the same system makes the same disk; as many as there is room for.
  find /usr -xdev -type f -size +0 -printf '%s %p\n' | sort -k2 | while read -r bytes name; do
    size=$((size + (bytes + 4095) / 4096 * 4096))
    [ "$size" -gt $((1400 << 20)) ] || printf '%s\0' "$name"
  done > "$work/names"
  tar -C / --null -T "$work/names" -cf - 2> /dev/null | tar -C "$files" -xf -
  truncate -s 4G "$work/disk.raw"
  mke2fs -q -t ext4 -d "$files" "$work/disk.raw"
  rm -rf "$files"
  qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$work/disk.qcow2"
  truncate -s 1G "$work/disk.raw"
  qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$work/1GiB.qcow2"
  rm "$work/disk.raw"
  cp "$work/1GiB.qcow2" "$work/15TiB.qcow2"
  qemu-img resize -q "$work/15TiB.qcow2" 15T
}
