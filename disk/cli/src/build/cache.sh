#!/usr/bin/env bash
# Makes the start-up cache (JDK 25 AOT) of the disk command from a run over a small disk. Without it, it starts slower.
set -euo pipefail
target=$1
jar=$(echo "$target"/disk-cli-*.jar)
cache=$target/app.aot
[ -e "$cache" ] && [ -z "$(find "$jar" $(tr ':' ' ' < "$target/classpath") -newer "$cache" -print -quit)" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$cache"
"$JAVA_HOME/bin/java" -XX:AOTCacheOutput="$cache.new" -XX:+UseSerialGC -Xmx160m --enable-native-access=ALL-UNNAMED\
  --sun-misc-unsafe-memory-access=allow \
  -cp "$jar:$(cat "$target/classpath")" crossdock.disk.cli.Rehearsal "$work" > "$work/log" 2>&1 || {
  echo "No start-up cache for the disk command, so it starts slower: $(tail -n 1 "$work/log")" >&2
  exit 0
}
mv "$cache.new" "$cache"
