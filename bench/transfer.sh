#!/usr/bin/env bash
# Moves disks between two docks, and beside that with curl, rsync and scp, in turns, and prints medians as the tables in
# docs/performance.md (scp once): over loopback, also 20 ms away (through a process that holds back what goes between them), and over a
# link of 1 Gbit/s between two network namespaces (tc tbf). One disk is random bytes, the other the one of bench/disk-image.sh, raw, with
# its holes. Then a second machine of the same image, which lies at the target, beside rsync, which has it there as well; and a whole
# cold migration, of a qcow2 at an image API to a streamOptimized VMDK at another, beside curl, qemu-img convert and curl.
# usage: bench/transfer.sh [runs of each, at least 5] [link|second|cold]...      all three unless said; needs root, what ./crossdock test built, qemu-utils, e2fsprogs, openssl,
# nginx-light, iproute2, openssh-server, rsync
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
shift || true
[ $# -gt 0 ] || set -- link second cold
what=" $* "
for tool in qemu-img mke2fs openssl curl nginx ip tc rsync /usr/sbin/sshd; do
  command -v "$tool" > /dev/null || { echo "$tool is missing" >&2; exit 2; }
done
JAVA_HOME=$(./crossdock jdk)
export JAVA_HOME LC_ALL=C
work=$(mktemp -d)
link=crossdock-bench
address=192.0.2.1
began=()
end() {
  for pid in "${began[@]}"; do kill "$pid" 2> /dev/null || true; done
  ip netns del $link-a 2> /dev/null || true
  ip netns del $link-b 2> /dev/null || true
  rm -rf "$work"
}
trap end EXIT

./mvnw -q test-compile dependency:build-classpath -Dcrossdock.training.skip=true -pl conversion-service -am -DincludeScope=test -Dmdep.outputFile="$work/classpath" > "$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
classes=conversion-service/target/test-classes:conversion-service/target/classes:$(cat "$work/classpath")

# shellcheck source=bench/disk-image.sh
. bench/disk-image.sh
mkdir -p "$work/www" "$work/got" "$work/temp" "$work/images/v2/images/in" "$work/images/v2/images/out" "$work/base"
head -c $((1 << 30)) < <(openssl enc -aes-256-ctr -pass pass:crossdock -nosalt -pbkdf2 < /dev/zero 2> /dev/null) > "$work/www/random.raw"
make_disk "$work"
qemu-img convert -O raw "$work/disk.qcow2" "$work/www/half.raw"
# The second machine: the same image, with 400 MiB that are its own.
cp --sparse=always "$work/www/half.raw" "$work/www/second.raw"
head -c $((400 << 20)) "$work/www/random.raw" > "$work/own"
debugfs -w -R "write $work/own own" "$work/www/second.raw" > /dev/null 2>&1
rm "$work/own" "$work/1GiB.qcow2" "$work/15TiB.qcow2"

# --- what others serve it with
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench -days 2 \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2> /dev/null
cat > "$work/nginx.conf" << END
daemon off; pid $work/nginx.pid; error_log $work/nginx.log; worker_processes 2; user root;
events {}
http {
  access_log off; sendfile on;
  # What of Keystone and Glance a ticket needs; what was put is kept by the number behind the name of its image.
  client_max_body_size 0; client_body_temp_path $work/temp;
  server {
    listen 19080; root $work/images;
    location /v3/ { add_header X-Subject-Token word always; return 201 '{"token": {"expires_at": "2099-01-01T00:00:00Z"}}'; }
    location ~ /file$ { dav_methods PUT; }
    location /v2/ { return 200 '{"status": "queued"}'; }
  }
  server { listen 19443 ssl; ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3; root $work/www; }
}
END
ssh-keygen -q -t ed25519 -N '' -f "$work/host"
ssh-keygen -q -t ed25519 -N '' -f "$work/client"
mkdir -p /run/sshd
cat > "$work/sshd_config" << END
Port 19022
HostKey $work/host
AuthorizedKeysFile $work/client.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile $work/sshd.pid
Subsystem sftp internal-sftp
END
shell="ssh -q -p 19022 -i $work/client -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"

# at NAMESPACE COMMAND...: in one of the two, or here
at() {
  local where=$1
  shift
  if [ "$where" = - ]; then "$@"; else ip netns exec "$where" "$@"; fi
}
until_open() { # NAMESPACE HOST PORT
  for _ in $(seq 300); do
    at "$1" bash -c "exec 3<> /dev/tcp/$2/$3" 2> /dev/null && return
    sleep 0.1
  done
  echo "nobody listens at $2:$3" >&2
  exit 1
}
start() { # NAMESPACE COMMAND...
  local enter=(ip netns exec "$1")
  [ "$1" != - ] || enter=(env)
  shift
  # The program itself and no shell around it, so that its pid is what is ended.
  "${enter[@]}" "$@" > "$work/out.$(basename "$1")" 2>&1 < /dev/null &
  began+=($!)
}
java_at() { # NAMESPACE ARGUMENTS...
  local where=$1
  shift
  at "$where" "$JAVA_HOME/bin/java" -Xmx128m -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
    --sun-misc-unsafe-memory-access=allow -cp "$classes" crossdock.conversion.TransferBench "$@"
}

# timed NAME COMMAND...: one line "name seconds" in $work/figures
timed() {
  local name=$1 from
  shift
  from=$(date +%s%N)
  "$@" > "$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
  echo "$name $(($(date +%s%N) - from))" | awk '{ printf "%s %.3f\n", $1, $2 / 1e9 }' >> "$work/figures"
}
median() {
  awk -v name="$1" '$1 == name { print $2 }' "$work/figures" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# answers COUNT PID: until the pulling dock has said so many lines
answers() {
  until [ "$(grep -cE '^(ready|pulled)' "$work/docks/pulled")" -ge "$1" ]; do
    kill -0 "$2" || { cat "$work/docks/log.pull" >&2; exit 1; }
    sleep 0.1
  done
}

# until_said WORD FILE PID LOG [COUNT]: what the last such line says behind the word, once there are so many
until_said() {
  until [ "$(grep -c "^$1 " "$2")" -ge "${5:-1}" ]; do
    kill -0 "$3" || { cat "$4" >&2; exit 1; }
    sleep 0.1
  done
  sed -n "s/^$1 \([^ ]*\).*/\1/p" "$2" | tail -n 1
}

# docks SERVER CLIENT HOST IMAGE FORMAT TARGET IMAGES [MILLISECONDS]: two of them, which do it once more for each byte on 9 and 8
docks() {
  local uri
  docks=$work/docks
  rm -rf "$docks"
  mkdir "$docks"
  mkfifo "$docks/hold" "$docks/go"
  local image=$4
  [ ! -e "$image" ] || { ln "$image" "$docks/" && image=$docks/$(basename "$image"); }
  java_at "$1" serve "$docks" "$3" "$image" "$5" < "$docks/hold" > "$docks/said" 2> "$docks/log" &
  serving=$!
  began+=("$serving")
  exec 9> "$docks/hold"
  uri=$(until_said serving "$docks/said" "$serving" "$docks/log")
  if [ -n "${8:-}" ]; then
    java_at "$1" delay "$docks" "$uri" "$8" > "$docks/delaying" 2> "$docks/log.delay" &
    delaying=$!
    began+=("$delaying")
    uri=$(until_said delaying "$docks/delaying" "$delaying" "$docks/log.delay")
  fi
  java_at "$2" pull "$docks" "$uri" "$6" "$7" < "$docks/go" > "$docks/pulled" 2> "$docks/log.pull" &
  pulling=$!
  began+=("$pulling")
  exec 8> "$docks/go"
  answers 1 "$pulling"
}
end_docks() {
  # It has the descriptors, too.
  [ -z "${delaying:-}" ] || kill "$delaying"
  delaying=
  exec 8>&- 9>&-
  wait "$serving" "$pulling" || true
}
pulled() { # N: the last line, once there are N
  answers $((1 + $1)) "$pulling"
  tail -n 1 "$docks/pulled"
}

# compare TITLE SERVER CLIENT HOST DISK MILLISECONDS SCHEME...: everybody in turns; the docks say themselves how long they took
compare() {
  local title=$1 server=$2 client=$3 host=$4 disk=$5 n scheme bytes
  docks "$server" "$client" "$host" "$work/www/$disk.raw" raw "" "" "$6"
  shift 6
  : > "$work/figures"
  for ((n = 0; n < runs; n++)); do
    for scheme in "$@"; do
      # Several times as long as everybody else: once says it.
      [ "$scheme" != scp ] || [ "$n" = 0 ] || continue
      rm -f "$work/got/disk"
      sync
      case $scheme in
        docks)
          printf . >&8
          pulled $((n + 1)) | sed 's/.* in \([0-9.]*\) s/docks \1/' >> "$work/figures"
          ;;
        curl) timed curl at "$client" curl -sSfk --tlsv1.3 -o "$work/got/disk" "https://$host:19443/$disk.raw" ;;
        rsync) timed rsync at "$client" rsync -z --sparse --inplace -e "$shell" "root@$host:$work/www/$disk.raw" "$work/got/disk" ;;
        scp) timed scp at "$client" scp -q -C -P 19022 -i "$work/client" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
          "root@$host:$work/www/$disk.raw" "$work/got/disk" ;;
      esac
    done
  done
  end_docks
  bytes=$(stat -c '%b * %B' "$work/www/$disk.raw")
  for scheme in "$@"; do
    echo "$title $((bytes)) $(median "$scheme") $(median docks) $scheme" |
      awk '{ printf "| %s | %s | %.2f s | %.0f MB/s | %.2f |\n", $1, $5, $3, $2 / $3 / 1e6, $3 / $4 }'
  done
}

# second SERVER CLIENT HOST: the image lies at the target as a file; rsync has a copy of it, and sends what differs
second() {
  local n bytes
  ln "$work/www/half.raw" "$work/base/half.raw"
  docks "$1" "$2" "$3" "$work/www/second.raw" raw "" "$work/base"
  : > "$work/figures"
  for ((n = 0; n < runs; n++)); do
    sync
    printf . >&8
    pulled $((n + 1)) | sed 's/.* in \([0-9.]*\) s/docks \1/' >> "$work/figures"
    bytes=$(pulled $((n + 1)) | sed 's/.*, \([0-9]*\) received.*/\1/')
    echo "docks-bytes $bytes" >> "$work/figures"
    cp --sparse=always "$work/www/half.raw" "$work/got/disk"
    sync
    timed rsync at "$2" rsync -z --inplace --no-whole-file --stats -e "$shell" "root@$3:$work/www/second.raw" "$work/got/disk"
    sed -n 's/^Total bytes received: //p' "$work/said" | tr -d , | sed 's/^/rsync-bytes /' >> "$work/figures"
    rm "$work/got/disk"
  done
  end_docks
  rm "$work/base/half.raw"
  for n in docks rsync; do
    echo "$(median $n) $(median docks) $(median $n-bytes) $n" |
      awk '{ printf "| %s | %.2f s | %.1f MiB | %.2f | %.3f |\n", $4, $1, $3 / 1048576, $1 / $2, $3 / (400 * 1048576) }'
  done
}

# cold: from an image API to another, on loopback
cold() {
  local n api=http://127.0.0.1:19080/v2/images out=$work/images/v2/images/out/file hashed came back scratch
  ln "$work/disk.qcow2" "$work/images/v2/images/in/file"
  : > "$out"
  docks - - 127.0.0.1 $api/in/file qcow2 $api/out/file ""
  : > "$work/figures"
  for ((n = 0; n < runs; n++)); do
    sync
    : > "$out"
    [ "$n" = 0 ] || printf . >&9
    until_said serving "$docks/said" "$serving" "$docks/log" $((n + 1)) > /dev/null
    hashed=$(sed -n 's/.* hashed //p' "$docks/said" | tail -n 1)
    printf . >&8
    came=$(pulled $((n + 1)) | sed 's/.* in \([0-9.]*\) s/\1/')
    back=$(pulled $((n + 1)) | sed 's/.*read back \([0-9.]*\) .*/\1/')
    printf 'hashed %s\ncame %s\nback %s\n' "$hashed" "$came" "$back" >> "$work/figures"
    echo "$hashed $came $back" | awk '{ print "docks", $1 + $2 + $3 }' >> "$work/figures"
    sync
    : > "$out"
    timed down curl -sSf -o "$work/got/disk.qcow2" $api/in/file
    timed convert qemu-img convert -O vmdk -o subformat=streamOptimized "$work/got/disk.qcow2" "$work/got/disk.vmdk"
    timed up curl -sSf -T "$work/got/disk.vmdk" $api/out/file
    scratch=$(stat -c %s "$work/got/disk.qcow2" "$work/got/disk.vmdk" | awk '{ s += $1 } END { print s }')
    tail -n 3 "$work/figures" | awk '{ s += $2 } END { print "pipeline", s }' >> "$work/figures"
    rm "$work/got"/disk.*
  done
  end_docks
  echo "| docks | $(median hashed) s certify, $(median came) s transfer, convert and upload, $(median back) s read back | $(median docks) s | 1.00 | none |"
  echo "$(median pipeline) $(median docks) $scratch $(median down) $(median convert) $(median up)" |
    awk '{ printf "| curl, qemu-img, curl | %.1f + %.1f + %.1f s | %.2f s | %.2f | %.0f MB |\n", $4, $5, $6, $1, $1 / $2, $3 / 1e6 }'
}

echo "data: random $(($(stat -c '%b * %B' "$work/www/random.raw") >> 20)) MiB, a system's files $(($(stat -c '%b * %B' "$work/www/half.raw") >> 20)) MiB of 4 GiB; medians of $runs; $(nproc) cores"
start - nginx -c "$work/nginx.conf"
nginx_here=$!
until_open - 127.0.0.1 19443
if [[ "$what" = *" cold "* ]]; then
  echo
  echo "| a qcow2 at an image API to a streamOptimized VMDK at another | parts | wall | against the docks' | scratch |"
  echo "|---|---|---|---|---|"
  cold
fi
if [[ "$what" = *" link "* ]]; then
  echo
  echo "| link, disk | with | wall | data by time | wall against the docks' |"
  echo "|---|---|---|---|---|"
  compare loopback,random - - 127.0.0.1 random "" docks curl
  compare loopback,half - - 127.0.0.1 half "" docks curl
  compare loopback+20ms,random - - 127.0.0.1 random 10 docks
fi
kill "$nginx_here"
[[ "$what" = *" link "* || "$what" = *" second "* ]] || exit 0

ip netns add $link-a
ip netns add $link-b
ip link add $link-a netns $link-a type veth peer name $link-b netns $link-b 2> /dev/null ||
  ip link add cd-a netns $link-a type veth peer name cd-b netns $link-b
for end in a b; do
  name=$(ip -n $link-$end -o link show type veth | sed -n 's/^[0-9]*: \([^@:]*\).*/\1/p' | head -1)
  ip -n $link-$end link set lo up
  ip -n $link-$end address add 192.0.2.$([ $end = a ] && echo 1 || echo 2)/24 dev "$name"
  ip -n $link-$end link set "$name" up
  tc -n $link-$end qdisc add dev "$name" root tbf rate 1gbit burst 256kb latency 50ms
done
start $link-a nginx -c "$work/nginx.conf"
start $link-a /usr/sbin/sshd -D -f "$work/sshd_config"
until_open $link-b $address 19443
until_open $link-b $address 19022
if [[ "$what" = *" second "* ]]; then
  echo
  echo "| 1 Gbit/s, a second machine of an image that lies at the target | wall | received | wall against the docks' | received against the 400 MiB that are its own |"
  echo "|---|---|---|---|---|"
  second $link-a $link-b $address
fi
if [[ "$what" = *" link "* ]]; then
  echo
  echo "| link, disk | with | wall | data by time | wall against the docks' |"
  echo "|---|---|---|---|---|"
  compare 1Gbit/s,random $link-a $link-b $address random "" docks curl rsync scp
  compare 1Gbit/s,half $link-a $link-b $address half "" docks curl rsync scp
fi
