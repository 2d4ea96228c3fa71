#!/usr/bin/env bash
# Makes the cluster where there is none, runs /docker-entrypoint-initdb.d/*.sql in it once, and becomes PostgreSQL.
set -euo pipefail

[ "$1" = postgres ] || exec "$@"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  password=${POSTGRES_PASSWORD:-}
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(< "$POSTGRES_PASSWORD_FILE")
  [ -n "$password" ] || { echo "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set" >&2; exit 1; }
  mkdir -p -m 700 "$PGDATA"
  # initdb insists on a name for whoever it runs as.
  names=$(mktemp) groups=$(mktemp)
  echo "postgres:x:$(id -u):$(id -g)::$PGDATA:/bin/false" > "$names"
  echo "postgres:x:$(id -g):" > "$groups"
  read -ra options <<< "${POSTGRES_INITDB_ARGS:-}"
  LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=$names NSS_WRAPPER_GROUP=$groups \
    initdb --username="${POSTGRES_USER:-postgres}" --pwfile=<(echo "$password") --locale=C --encoding=UTF8 \
    "${options[@]}" -D "$PGDATA"
  # Where the public image listens; initdb has a mind of its own about the socket.
  printf "%s\n" "listen_addresses = '*'" "unix_socket_directories = '/var/run/postgresql'" >> "$PGDATA/postgresql.conf"
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
  for script in /docker-entrypoint-initdb.d/*.sql; do
    [ -e "$script" ] || continue
    PGPASSWORD=$password psql -h /var/run/postgresql -U "${POSTGRES_USER:-postgres}" -v ON_ERROR_STOP=1 -qf "$script" postgres
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
