#!/bin/sh
# Packs for npm: without arguments the package `fkfix`, which runs the binary of the package for a
# platform; with them that package. What comes out is target/package/<name>-<version>.tgz.
# usage: scripts/package-npm.sh [<platform>-<arch> <path of the binary>]
#        (linux-x64, linux-arm64, darwin-x64, darwin-arm64, win32-x64, win32-arm64)
set -eu
cd "$(dirname "$0")/.."
field() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" Cargo.toml | head -n 1; }
version=$(field version)
description=$(field description)
platforms="linux-x64 linux-arm64 darwin-x64 darwin-arm64 win32-x64 win32-arm64"
name=fkfix${1:+-$1}
folder=target/package/npm/$name
rm -rf "$folder"
mkdir -p "$folder/bin"
cp LICENSE npm/README.md "$folder/"
head='{
  "name": "'$name'",
  "version": "'$version'",
  "description": "'$description'",
  "license": "MIT",'
if [ $# -eq 0 ]; then
    cp npm/fkfix.js "$folder/bin/fkfix.js"
    optional=
    for platform in $platforms; do
        optional="$optional${optional:+, }\"fkfix-$platform\": \"$version\""
    done
    printf '%s\n  "bin": { "fkfix": "bin/fkfix.js" },\n  "engines": { "node": ">=18" },\n  "optionalDependencies": { %s }\n}\n' \
        "$head" "$optional" >"$folder/package.json"
else
    os=${1%-*} cpu=${1#*-}
    case " $platforms " in
    *" $1 "*) ;;
    *)
        echo "error: there is no package for $1" >&2
        exit 2
        ;;
    esac
    suffix=
    if [ "$os" = win32 ]; then suffix=.exe; fi
    cp "$2" "$folder/bin/fkfix$suffix"
    chmod 755 "$folder/bin/fkfix$suffix"
    printf '%s\n  "os": ["%s"],\n  "cpu": ["%s"],\n  "preferUnplugged": true\n}\n' "$head" "$os" "$cpu" >"$folder/package.json"
fi
(cd "$folder" && npm pack --silent --pack-destination ../..) >/dev/null
echo "target/package/$name-$version.tgz"
