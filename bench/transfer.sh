#!/usr/bin/env bash
# Moves disks between two docks, and beside that with curl, rsync and scp, in turns, and prints medians as the tables in
# docs/performance.md (scp once): over loopback, and over a link of 1 Gbit/s between two network namespaces (tc tbf). One disk is random
# bytes, the other the one of bench/disk-image.sh, raw, with its holes.
# usage: bench/transfer.sh [runs of each, at least 5]      needs root, what ./crossdock test built, qemu-utils, e2fsprogs, openssl,
# nginx-light, iproute2, openssh-server, rsync
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
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
mkdir -p "$work/www" "$work/got"
head -c $((1 << 30)) < <(openssl enc -aes-256-ctr -pass pass:crossdock -nosalt -pbkdf2 < /dev/zero 2> /dev/null) > "$work/www/random.raw"
make_disk "$work"
qemu-img convert -O raw "$work/disk.qcow2" "$work/www/half.raw"
rm "$work"/*.qcow2

# --- what others serve it with
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench -days 2 \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2> /dev/null
cat > "$work/nginx.conf" << END
daemon off; pid $work/nginx.pid; error_log $work/nginx.log; worker_processes 2; user root;
events {}
http {
  access_log off; sendfile on;
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

# compare TITLE SERVER CLIENT HOST DISK SCHEME...: everybody in turns; the docks say themselves how long they took
compare() {
  local title=$1 server=$2 client=$3 host=$4 disk=$5 n scheme uri pulled bytes docks
  shift 5
  : > "$work/figures"
  docks=$work/docks
  rm -rf "$docks"
  mkdir "$docks"
  ln "$work/www/$disk.raw" "$docks/$disk.raw"
  mkfifo "$docks/hold" "$docks/go"
  java_at "$server" serve "$docks" "$host" "$docks/$disk.raw" raw < "$docks/hold" > "$docks/said" 2> "$docks/log" &
  local serving=$!
  began+=("$serving")
  exec 9> "$docks/hold"
  for _ in $(seq 600); do
    uri=$(sed -n 's/^serving \([^ ]*\) .*/\1/p' "$docks/said")
    [ -n "$uri" ] && break
    kill -0 "$serving" || { cat "$docks/log" >&2; exit 1; }
    sleep 0.1
  done
  java_at "$client" pull "$docks" "$uri" < "$docks/go" > "$docks/pulled" 2> "$docks/log.pull" &
  local pulling=$!
  began+=("$pulling")
  exec 8> "$docks/go"
  answers 1 "$pulling"
  for ((n = 0; n < runs; n++)); do
    for scheme in "$@"; do
      # Several times as long as everybody else: once says it.
      [ "$scheme" != scp ] || [ "$n" = 0 ] || continue
      rm -f "$work/got/disk"
      sync
      case $scheme in
        docks)
          printf . >&8
          answers $((n + 2)) "$pulling"
          pulled=$(sed -n 's/^pulled .* in \([0-9.]*\) s/\1/p' "$docks/pulled" | tail -n 1)
          echo "docks $pulled" >> "$work/figures"
          ;;
        curl) timed curl at "$client" curl -sSfk --tlsv1.3 -o "$work/got/disk" "https://$host:19443/$disk.raw" ;;
        rsync) timed rsync at "$client" rsync -z --sparse --inplace -e "$shell" "root@$host:$work/www/$disk.raw" "$work/got/disk" ;;
        scp) timed scp at "$client" scp -q -C -P 19022 -i "$work/client" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
          "root@$host:$work/www/$disk.raw" "$work/got/disk" ;;
      esac
    done
  done
  exec 8>&- 9>&-
  wait "$serving" "$pulling" || true
  bytes=$(stat -c '%b * %B' "$work/www/$disk.raw")
  for scheme in "$@"; do
    echo "$title $((bytes)) $(median "$scheme") $(median docks) $scheme" |
      awk '{ printf "| %s | %s | %.2f s | %.0f MB/s | %.2f |\n", $1, $5, $3, $2 / $3 / 1e6, $3 / $4 }'
  done
}

echo "data: random $(($(stat -c '%b * %B' "$work/www/random.raw") >> 20)) MiB, a system's files $(($(stat -c '%b * %B' "$work/www/half.raw") >> 20)) MiB of 4 GiB; medians of $runs; $(nproc) cores"
echo
echo "| link, disk | with | wall | data by time | wall against the docks' |"
echo "|---|---|---|---|---|"
start - nginx -c "$work/nginx.conf"
nginx_here=$!
until_open - 127.0.0.1 19443
compare loopback,random - - 127.0.0.1 random docks curl
compare loopback,half - - 127.0.0.1 half docks curl
kill "$nginx_here"

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
compare 1Gbit/s,random $link-a $link-b $address random docks curl rsync scp
compare 1Gbit/s,half $link-a $link-b $address half docks curl rsync scp
