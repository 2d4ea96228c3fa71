# Settings of the OpenStack lab; sourced by up, down and status.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OFF=${LAB_PORT_OFFSET:-0}                  # added to every port: another offset is another cloud
LAB=${LAB_DIR:-$(dirname "$(dirname "$HERE")")/.crossdock/openstack-$OFF}
S=$LAB/state E=$LAB/etc L=$LAB/log R=$LAB/run
IP=127.0.0.1
PW=${LAB_PASSWORD:-labpass}              # one made-up password for every lab account
VIRT=${LAB_VIRT:-libvirt}                # libvirt | fake
WITH_CINDER=${LAB_CINDER:-1}             # 1: cinder-api/-scheduler/-volume too (file-backed)
P_KEYSTONE=$((5000+OFF)) P_GLANCE=$((9292+OFF)) P_PLACEMENT=$((8778+OFF))
P_NOVA=$((8774+OFF)) P_NEUTRON=$((9696+OFF)) P_CINDER=$((8776+OFF))
P_DB=$((13306+OFF)) P_MQ=$((15673+OFF)) P_MQDIST=$((15674+OFF)) P_EPMD=$((15675+OFF))
DBURL="mysql+pymysql://oslab:$PW@$IP:$P_DB"
MQURL="rabbit://oslab:$PW@$IP:$P_MQ/"
SITE=/usr/lib/python3/dist-packages

# whatever python and proxies the caller has are not for the services
CLEAN=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$S/home" TMPDIR="$S/tmp"
       PYTHONPATH="$HERE/python" PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1)

starttime() { awk '{sub(/^.*\) /,""); print $20}' "/proc/$1/stat" 2>/dev/null; }
alive() {   # NAME: is the process we recorded under NAME still that same process?
  local pid st; [ -s "$R/$1.pid" ] || return 1
  read -r pid st < "$R/$1.pid"; [ -n "$pid" ] && [ "$(starttime "$pid")" = "$st" ] || return 1
  [ "$(awk '{sub(/^.*\) /,""); print $1}' "/proc/$pid/stat" 2>/dev/null)" != Z ]
}
start() {   # NAME CMD...: start CMD detached in its own session, remember pid + start time
  local n=$1; shift
  alive "$n" && return 0
  FRESH=${FRESH:-$(date +%s)}
  setsid "${CLEAN[@]}" "$@" </dev/null >>"$L/$n.out" 2>&1 &
  local pid=$!; echo "$pid $(starttime $pid)" > "$R/$n.pid"
}
stop() {    # NAME [SECONDS]: TERM the process and its session (children of it only), KILL after SECONDS
  local n=$1 t=${2:-15} pid st i
  if alive "$n"; then
    read -r pid st < "$R/$n.pid"
    kill -TERM "$pid" 2>/dev/null
    for ((i=0; i<t*10; i++)); do alive "$n" || break; sleep 0.1; done
    alive "$n" && kill -KILL "$pid" 2>/dev/null
    # setsid made pid the leader of a session and process group of its own: end what is left in it
    kill -KILL -- "-$pid" 2>/dev/null
  fi
  rm -f "$R/$n.pid"
}
listening() { (exec 3<>"/dev/tcp/$IP/$1") 2>/dev/null; }
waitport() { # PORT SECONDS NAME
  local i; for ((i=0; i<$2*5; i++)); do listening "$1" && return 0
    [ -z "$3" ] || alive "$3" || { echo "$3 died; see $L/$3.out, $L/$3.log" >&2; return 1; }; sleep 0.2; done
  echo "nothing on port $1 after $2 s (${3:-})" >&2; return 1
}
pyrun() { local m=$1 f=$2; shift 2; printf '%s\n' "$HERE/python/oslab_run.py" "$m:$f" "$@"; }
