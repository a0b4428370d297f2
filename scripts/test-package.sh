#!/bin/sh
# Tries what a release is made of, as far as this machine has the tools: the static musl build
# in its archive, and the Debian package. Builds in release mode, so it takes a while.
# usage: scripts/test-package.sh
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "error: $*" >&2
    exit 1
}
# `up` on a fixture, by the packed binary.
works() {
    rm -f "$folder/app.db"
    python3 - "$folder/app.db" <<'PYTHON'
import sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript(open("tests/fixtures/app-migrated.sql").read())
PYTHON
    "$1" up --quiet --database "$folder/app.db" >/dev/null
    "$1" check --database "$folder/app.db" >/dev/null
}

musl=x86_64-unknown-linux-musl
if command -v musl-gcc >/dev/null 2>&1 && rustup target list --installed | grep -qx $musl; then
    cargo build --quiet --profile dist --locked --target $musl
    archive=$(scripts/package.sh $musl)
    (cd target/package && sha256sum --quiet --check "$(basename "$archive").sha256")
    tar -xzf "$archive" -C "$folder"
    fkfix=$(echo "$folder"/fkfix-*-$musl/fkfix)
    ldd "$fkfix" 2>&1 | grep -q "statically linked\|not a dynamic executable" || fail "$fkfix is not static"
    works "$fkfix"
    scripts/test-completions.sh "$fkfix" >/dev/null
    echo "$archive: static, works, $(wc -c <"$fkfix") bytes"
else
    echo "skipped: no musl target (rustup target add $musl, apt install musl-tools)"
fi

# In a folder of its own, so that the two do not take each other's place.
cargo build --quiet --profile dist --locked --no-default-features --target-dir target/sqlite-alone
size=$(wc -c <target/sqlite-alone/dist/fkfix)
[ "$size" -lt 6000000 ] || fail "without PostgreSQL the binary has $size bytes, and 6 MB are the limit"
echo "without PostgreSQL: $size bytes"
cargo build --quiet --profile dist --locked
size=$(wc -c <target/dist/fkfix)
[ "$size" -lt 9500000 ] || fail "the release binary has $size bytes, and 9.5 MB are the limit"
echo "target/dist/fkfix: $size bytes"

if cargo deb --version >/dev/null 2>&1; then
    scripts/package-assets.sh target/dist/fkfix
    package=$(cargo deb --quiet --no-build)
    dpkg-deb --extract "$package" "$folder/root"
    works "$folder/root/usr/bin/fkfix"
    for file in share/man/man1/fkfix-up.1.gz share/bash-completion/completions/fkfix \
        share/zsh/vendor-completions/_fkfix share/fish/vendor_completions.d/fkfix.fish; do
        [ -s "$folder/root/usr/$file" ] || fail "$package lacks usr/$file"
    done
    echo "$package: unpacks and works"
else
    echo "skipped: no cargo deb"
fi
