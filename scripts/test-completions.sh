#!/bin/sh
# Tries the completions in every shell that is installed, and the man pages in man.
# usage: scripts/test-completions.sh [path of fkfix]
set -eu
fkfix=${1:-target/debug/fkfix}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

has() { command -v "$1" >/dev/null 2>&1; }
fail() {
    echo "error: $*" >&2
    exit 1
}

for shell in bash zsh fish elvish powershell; do
    "$fkfix" completions $shell >"$folder/$shell"
    grep -q check "$folder/$shell" || fail "the completions for $shell know no check"
done

if has bash; then
    bash -n "$folder/bash"
    found=$(bash --norc -c '
        source "$1"
        COMP_WORDS=(fkfix che) COMP_CWORD=1 COMP_LINE="fkfix che" COMP_POINT=9
        _fkfix fkfix che fkfix
        echo "${COMPREPLY[*]}"
        COMP_WORDS=(fkfix check --ignore key-t) COMP_CWORD=3
        _fkfix fkfix key-t --ignore
        echo "${COMPREPLY[*]}"' bash "$folder/bash")
    [ "$found" = "check
key-twice" ] || fail "bash completes: $found"
    echo "bash completes"
fi

if has zsh; then
    zsh -n "$folder/zsh"
    mkdir "$folder/functions"
    cp "$folder/zsh" "$folder/functions/_fkfix"
    found=$(HOME=$folder zsh -f -c '
        fpath=($1 $fpath)
        autoload -Uz compinit && compinit -u -D
        autoload +X _fkfix && echo $_comps[fkfix]' zsh "$folder/functions")
    [ "$found" = _fkfix ] || fail "zsh loads: $found"
    echo "zsh loads the completions"
fi

if has fish; then
    fish -n "$folder/fish"
    # shellcheck disable=SC2016 # fish reads $argv
    found=$(HOME=$folder fish -N -c 'source $argv[1]; complete -C "fkfix che"; complete -C "fkfix check --ignore key-t"' "$folder/fish" | cut -f1)
    [ "$found" = "check
key-twice" ] || fail "fish completes: $found"
    echo "fish completes"
fi

if has elvish; then
    # shellcheck disable=SC2016 # elvish reads the variables
    # Outside a terminal elvish has no edit: module; the two parts that are used stand in for it.
    {
        echo 'var edit: = (ns [&completion:=(ns [&arg-completer=[&]]) &complex-candidate~={|name &display=""| put $name }])'
        cat "$folder/elvish"
        echo '$edit:completion:arg-completer[fkfix] fkfix c | each {|name| echo $name }'
    } >"$folder/elvish.elv"
    found=$(HOME=$folder elvish -norc "$folder/elvish.elv") || fail "elvish: $found"
    echo "$found" | grep -qx check || fail "elvish completes: $found"
    echo "elvish completes"
fi

if has pwsh; then
    # shellcheck disable=SC2016 # PowerShell reads $args
    found=$(pwsh -NoProfile -Command '. $args[0]; (TabExpansion2 "fkfix che" 9).CompletionMatches.CompletionText' "$folder/powershell")
    [ "$found" = check ] || fail "PowerShell completes: $found"
    echo "PowerShell completes"
fi

"$fkfix" man "$folder/man"
if has man; then
    for page in "$folder"/man/*.1; do
        warnings=$(man --warnings -l "$page" 2>&1 >/dev/null)
        [ -z "$warnings" ] || fail "$page: $warnings"
    done
    man -l "$folder/man/fkfix-check.1" 2>/dev/null | grep -q 'Exit status' || fail "fkfix-check.1 tells no exit status"
    echo "man shows $(find "$folder/man" -name '*.1' | wc -l) pages"
fi
