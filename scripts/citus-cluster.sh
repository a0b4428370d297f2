#!/usr/bin/env bash
# A Citus of a coordinator and two workers on this machine, for tests/postgres/citus: three servers
# that listen on 127.0.0.1 alone and trust everyone there, with their data in one folder.
# usage: scripts/citus-cluster.sh start PROGRAMS FOLDER [PORT]   prints FKFIX_CITUS_URL
#        scripts/citus-cluster.sh stop  PROGRAMS FOLDER          stops them and removes the folder
# PROGRAMS is the bin folder of a PostgreSQL with the extension citus. The coordinator gets PORT
# (default 9700), the workers those after it. CITUS_SETTINGS adds settings: "name=value …".
set -euo pipefail

[ $# -ge 3 ] || { sed -n '2,/^set/s/^# //p' "$0"; exit 2; }
verb=$1 programs=$2 folder=$3 port=${4:-9700}
nodes=(coordinator worker1 worker2)

# The server refuses to run as root.
as_user() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}
ask() { # port, statement
    "$programs/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U postgres -d postgres -c "$2"
}

case $verb in
start)
    mkdir -p "$folder"
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    settings=(fsync=off shared_buffers=256MB max_wal_size=4GB max_connections=120 max_prepared_transactions=200)
    settings+=(listen_addresses=127.0.0.1 unix_socket_directories= shared_preload_libraries=citus)
    # shellcheck disable=SC2206
    settings+=(wal_level=logical citus.enable_statistics_collection=off ${CITUS_SETTINGS:-})
    for at in 0 1 2; do
        data=$folder/${nodes[at]}
        as_user "$programs/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions >/dev/null
        for setting in "${settings[@]}" "port=$((port + at))"; do
            echo "${setting%%=*} = '${setting#*=}'"
        done | as_user tee -a "$data/postgresql.conf" >/dev/null
        as_user "$programs/pg_ctl" -D "$data" -l "$folder/${nodes[at]}.log" -w start >/dev/null
        ask $((port + at)) "CREATE EXTENSION citus"
    done
    ask "$port" "SELECT citus_set_coordinator_host('127.0.0.1', $port)" >/dev/null
    for at in 1 2; do
        ask "$port" "SELECT citus_add_node('127.0.0.1', $((port + at)))" >/dev/null
    done
    ask "$port" "SELECT citus_version()" >&2
    echo "FKFIX_CITUS_URL=postgres://postgres@127.0.0.1:$port/postgres"
    ;;
stop)
    for node in "${nodes[@]}"; do
        as_user "$programs/pg_ctl" -D "$folder/$node" -m immediate stop >/dev/null || true
    done
    rm -rf "$folder"
    ;;
*)
    echo "$verb is neither start nor stop" >&2
    exit 2
    ;;
esac
