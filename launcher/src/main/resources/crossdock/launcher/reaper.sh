# Ends every process of one state directory once its supervisor is gone, however it went: the
# supervisor alone holds the other end of our standard input.
# $1 state directory  $2 mark that all of its processes carry in their environment
shopt -s nullglob globstar
while IFS= read -r _; do :; done

started() { # start time of $1, nothing if it has ended
  local stat fields
  IFS= read -r stat 2>/dev/null < "/proc/$1/stat" || return 1
  fields=(${stat##*) })
  [ "${fields[0]}" = Z ] && return 1
  printf '%s' "${fields[19]}"
}

living() { # pids, one a line
  local file pid start
  for file in "$1"/run/*/pid; do
    pid='' start=''
    read -r pid start < "$file" || continue
    [ -n "$start" ] && [ "$(started "$pid")" = "$start" ] && echo "$pid"
  done
  for file in "$1"/sites/**/guests/*.pid; do
    pid='' start=''
    read -r pid start < "$file" || [ -n "$pid" ] || continue
    [[ $pid =~ ^[0-9]+$ ]] || continue
    # QEMU writes its pid alone: then the program's name has to do.
    if [ -n "$start" ]; then
      [ "$(started "$pid")" = "$start" ] && echo "$pid"
    elif [[ "$(cat "/proc/$pid/comm" 2>/dev/null)" == qemu* ]]; then
      echo "$pid"
    fi
  done
  for file in $(grep -lszxF "CROSSDOCK_MARK=$2" /proc/[0-9]*/environ); do
    pid=${file#/proc/}
    pid=${pid%/environ}
    started "$pid" > /dev/null && echo "$pid"
  done
}

nothing=0
for ((pass = 0; pass < 100 && nothing < 2; pass++)); do
  pids=$(living "$1" "$2" | sort -u)
  if [ -z "$pids" ]; then
    nothing=$((nothing + 1))
  else
    nothing=0
    for pid in $pids; do
      signal=KILL
      # A guest flushes its disk, PostgreSQL takes its children along: two seconds for both.
      if ((pass < 20)); then
        case "$(cat "/proc/$pid/comm" 2>/dev/null)" in
          qemu-system*) signal=TERM ;;
          postgres) signal=QUIT ;;
        esac
      fi
      kill -s "$signal" "$pid" 2>/dev/null
    done
  fi
  sleep 0.1
done
[ "$nothing" = 2 ]
