#!/bin/sh
# Writes completions and man pages to target/assets, where cargo deb and scripts/package.sh
# take them from.
# usage: scripts/package-assets.sh <path of fkfix>
set -eu
cd "$(dirname "$0")/.."
fkfix=$1
assets=target/assets
rm -rf $assets
mkdir -p $assets/completions
"$fkfix" completions bash >$assets/completions/fkfix.bash
"$fkfix" completions zsh >$assets/completions/_fkfix
"$fkfix" completions fish >$assets/completions/fkfix.fish
"$fkfix" completions powershell >$assets/completions/fkfix.ps1
"$fkfix" completions elvish >$assets/completions/fkfix.elv
"$fkfix" man $assets/man
