#!/bin/sh
# Packs the release binary of a target: target/package/fkfix-<version>-<target>.tar.gz (.zip on
# Windows) and its .sha256, laid out as cargo binstall expects it (Cargo.toml).
# usage: scripts/package.sh <target>
set -eu
cd "$(dirname "$0")/.."
target=$1
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=fkfix-$version-$target
case $target in
*windows*) suffix=.exe ;;
*) suffix= ;;
esac
fkfix=target/$target/dist/fkfix$suffix
scripts/package-assets.sh "$fkfix"

mkdir -p target/package
rm -rf "target/package/$name"
mkdir "target/package/$name"
cp "$fkfix" README.md LICENSE CHANGELOG.md "target/package/$name/"
cp -r target/assets/completions target/assets/man "target/package/$name/"
cd target/package
case $target in
*windows*)
    archive=$name.zip
    7z a -bso0 "$archive" "$name"
    ;;
*)
    archive=$name.tar.gz
    tar -czf "$archive" "$name"
    ;;
esac
rm -rf "$name"
if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$archive" >"$archive.sha256"
else
    shasum -a 256 "$archive" >"$archive.sha256"
fi
echo "target/package/$archive"
