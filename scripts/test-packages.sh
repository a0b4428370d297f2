#!/bin/sh
# Installs the packages for pip and npm from their own files, in a fresh environment and a fresh
# folder, and runs what they bring. Takes the profile that tests are built in; a release builds the
# same with `dist`.
# usage: scripts/test-packages.sh [profile of Cargo]
set -eu
cd "$(dirname "$0")/.."
root=$PWD
profile=${1:-dev}
case $profile in
dev) binary=target/debug/fkfix ;;
*) binary=target/$profile/fkfix ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset DATABASE_URL FKFIX_MIGRATIONS

fail() {
    echo "error: $*" >&2
    exit 1
}
# What a new user does first, and what a shell sees of it.
works() {
    name=$1
    shift
    version=$("$@" --version | head -n 1) || fail "$name does not run"
    [ "$version" = "fkfix $(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)" ] || fail "$name is $version"
    rm -f "$folder/app.db"
    python3 - "$folder/app.db" <<'PYTHON'
import sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript(open("tests/fixtures/app-migrated.sql").read())
PYTHON
    status=0
    "$@" orphans -d "$folder/app.db" --migrations built-in >/dev/null || status=$?
    [ $status = 1 ] || fail "$name: orphans ends with $status"
    "$@" up -q -d "$folder/app.db" --migrations built-in >/dev/null || fail "$name: up fails"
    "$@" down -q -d "$folder/app.db" --migrations built-in >/dev/null || fail "$name: down fails"
    status=0
    "$@" up -q -d "$folder/missing.db" 2>/dev/null || status=$?
    [ $status = 2 ] || fail "$name: a missing database ends with $status"
}

tools=target/packages-python
if [ ! -x $tools/bin/maturin ]; then
    rm -rf $tools
    python3 -m venv $tools
    $tools/bin/python -m pip install --quiet --disable-pip-version-check 'maturin>=1.9,<2'
fi
$tools/bin/maturin build --quiet --locked --profile "$profile" --out "$folder/wheels"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index "$folder"/wheels/*.whl
works "the wheel" "$folder/venv/bin/fkfix"
for wheel in "$folder"/wheels/*.whl; do
    echo "$(basename "$wheel"): installs and works, $(wc -c <"$wheel") bytes"
done

if command -v npm >/dev/null 2>&1; then
    platform=$(node -p 'process.platform + "-" + process.arch')
    own=$(scripts/package-npm.sh "$platform" "$binary")
    main=$(scripts/package-npm.sh)
    mkdir "$folder/npm"
    (
        cd "$folder/npm"
        npm init --yes >/dev/null
        # The packages for other platforms are not on this machine, and may be left out.
        npm install --silent --no-audit --no-fund --offline --omit=optional "$root/$main"
        if npx --no-install fkfix --version 2>message; then fail "it runs without a binary"; fi
        grep -q "^hint: npm install" message || fail "nobody is told what is missing"
        npm install --silent --no-audit --no-fund --offline --omit=optional "$root/$own"
    )
    works "the package of npm" "$folder/npm/node_modules/.bin/fkfix"
    echo "$main with $(basename "$own"): install and work"
else
    echo "skipped: no npm"
fi
