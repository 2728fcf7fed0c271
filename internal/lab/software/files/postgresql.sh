#!/bin/bash
# Debian's PostgreSQL, configured by the environment alone, with the names that the usual image has.
#   POSTGRES_USER, POSTGRES_DB   made on the first start (postgres, POSTGRES_USER)
#   POSTGRES_PASSWORD_FILE       file with the password; or POSTGRES_PASSWORD
#   PGDATA                       folder of the data (/var/lib/postgresql/data)
set -euo pipefail
export PGDATA="${PGDATA:-/var/lib/postgresql/data}"
user="${POSTGRES_USER:-postgres}"
database="${POSTGRES_DB:-$user}"
bin="$(echo /usr/lib/postgresql/*/bin)"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql
  chown -R postgres:postgres "$PGDATA" /run/postgresql
  chmod 0700 "$PGDATA"
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then # a secret is readable for root alone
    POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
    export POSTGRES_PASSWORD
  fi
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?is not set: give POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD}"
  # A data folder that is half made (a kill in the middle) is begun again: initdb wants it empty.
  find "$PGDATA" -mindepth 1 -delete
  "$bin/initdb" --username="$user" --pwfile=<(printf '%s' "$POSTGRES_PASSWORD") --auth=scram-sha-256 --encoding=UTF8 >&2
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    "$bin/postgres" --single -j -D "$PGDATA" postgres <<<"CREATE DATABASE \"$database\";" >&2
  fi
fi
unset POSTGRES_PASSWORD
exec "$bin/postgres" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql "$@"
