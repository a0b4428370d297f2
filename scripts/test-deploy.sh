#!/bin/sh
# Tries the recipes of examples/deploy as far as this machine can: scripts are run for real on a
# fixture; units, manifests and workflows are read by the programs they are for, where these are
# installed.
# usage: [FKFIX_POSTGRES_URL=postgres://…/postgres] scripts/test-deploy.sh [path of fkfix]
set -eu
cd "$(dirname "$0")/.."
root=$PWD
deploy=$root/examples/deploy
fkfix=$(realpath "${1:-target/debug/fkfix}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

has() { command -v "$1" >/dev/null 2>&1; }
fail() {
    echo "error: $*" >&2
    exit 1
}
expect() {
    [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"
}
# The status of a command that may fail.
status_of() {
    status=0
    "$@" >"$folder/out" 2>&1 || status=$?
    echo $status
}
# The committed fixtures need a SQLite to load them; Python has one.
load() {
    python3 - "$1" "$2" <<'PYTHON'
import sqlite3, sys
sqlite3.connect(sys.argv[2]).executescript(open(sys.argv[1]).read())
PYTHON
}
number() {
    python3 -c 'import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())' "$@"
}

mkdir "$folder/bin"
ln -s "$fkfix" "$folder/bin/fkfix"
PATH=$folder/bin:$PATH
unset DATABASE_URL FKFIX_MIGRATIONS

# Scripts read, with and without shellcheck.
for script in "$deploy/docker-entrypoint.sh" "$deploy/pre-commit" scripts/*.sh; do
    "$(sed -n '1s|.*[/ ]||p' "$script")" -n "$script" # sh or bash
    if has shellcheck; then shellcheck "$script"; fi
done
echo "scripts read"

# The entrypoint: a first start, one with something to do, one without, one that is refused.
DATABASE=$folder/app.db
export DATABASE
entrypoint=$deploy/docker-entrypoint.sh
expect "first start" "started" "$("$entrypoint" echo started)"
load tests/fixtures/app-migrated.sql "$DATABASE"
FKFIX_MAX_ORPHANS=5%
export FKFIX_MAX_ORPHANS
expect "too many orphans" 1 "$(status_of "$entrypoint" echo started)"
grep -q "max-orphans allows 5%" "$folder/out" || fail "the refusal does not say why"
if grep -q "^started" "$folder/out"; then fail "the application started after a refusal"; fi
rm -f "$folder"/app.db.*.bak
FKFIX_MAX_ORPHANS=10%
expect "keys added" 0 "$(status_of "$entrypoint" echo started)"
expect "the application runs" "started" "$(tail -n 1 "$folder/out")"
expect "keys" 2 "$(number "$DATABASE" "SELECT count(*) FROM pragma_foreign_key_list('webhook_logs')")"
expect "archive" 90 "$(number "$DATABASE" "SELECT count(*) FROM webhook_logs_orphans")"
set -- "$folder"/app.db.*.bak
expect "one copy" 1 $#
expect "rows of the copy" 1090 "$(number "$1" "SELECT count(*) FROM webhook_logs")"
expect "next start" 0 "$(status_of "$entrypoint" sh -c 'exit 0')"
set -- "$folder"/app.db.*.bak
expect "still one copy" 1 $#
expect "status of the application" 7 "$(status_of "$entrypoint" sh -c 'exit 7')"
echo "the entrypoint runs"

# The hook, in a repository of its own.
git init -q "$folder/repository"
cd "$folder/repository"
cp "$deploy/pre-commit" .git/hooks/pre-commit
commit() {
    status_of git -c user.name=x -c user.email=x@example.com commit -q -m x
}
echo x >other
git add other
expect "a commit of something else" 0 "$(commit)"
cp "$root/tests/check/dumps/app-migrated.before.sql" schema.sql
git add schema.sql
expect "a schema without keys" 1 "$(commit)"
grep -q "key-missing" "$folder/out" || fail "the hook does not say why"
cp "$root/tests/check/dumps/app-migrated.after.sql" schema.sql
expect "the schema in the index counts" 1 "$(commit)"
git add schema.sql
expect "a schema with keys" 0 "$(commit)"
echo "the hook runs"

# The job of GitHub Actions: its steps but the installation, as bash runs them there.
cd "$folder/repository"
if python3 -c 'import yaml' 2>/dev/null; then
    python3 - "$deploy/github-actions.yaml" "$root"/.github/workflows/*.yml >"$folder/step" <<'PYTHON'
import sys, yaml
job, *others = [yaml.safe_load(open(path)) for path in sys.argv[1:]]
assert all("jobs" in workflow for workflow in others)
print(*(step["run"] for step in job["jobs"]["check"]["steps"] if step.get("name") == "Check"))
PYTHON
    expect "the job" 0 "$(status_of bash -e "$folder/step")"
    cp "$root/tests/check/dumps/app-migrated.before.sql" schema.sql
    expect "the job without keys" 1 "$(status_of bash -e "$folder/step")"
    grep -q "^::error file=schema.sql,line=61,title=fkfix key-missing::" "$folder/out" || fail "no annotation"
    python3 - "$deploy/kubernetes.yaml" >"$folder/arguments" <<'PYTHON'
import sys, yaml
(container,) = yaml.safe_load(open(sys.argv[1]))["spec"]["template"]["spec"]["initContainers"]
print(*container["command"], sep="\n")
PYTHON
    rm -f "$folder/app.db"*
    load "$root/tests/fixtures/app-orm.sql" "$folder/app.db"
    set --
    while read -r argument; do set -- "$@" "$argument"; done <"$folder/arguments"
    expect "the init container" 0 "$(DATABASE_URL=sqlite:///$folder/app.db status_of "$@")"
    # The job for PostgreSQL: its arguments, by the entrypoint of its image, on a database of its own.
    python3 - "$deploy/kubernetes-postgres.yaml" "$deploy/Dockerfile.postgres" >"$folder/arguments" <<'PYTHON'
import json, sys, yaml
job = yaml.safe_load(open(sys.argv[1]))
assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
pod = job["spec"]["template"]["spec"]
(container,) = pod["containers"]
assert job["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"] == container["name"]
assert {it["name"] for it in container["volumeMounts"]} == {it["name"] for it in pod["volumes"]}
lines = [line.split(None, 1) for line in open(sys.argv[2])]
print(*json.loads(dict(filter(lambda it: len(it) == 2, lines))["ENTRYPOINT"]), *container["args"], sep="\n")
PYTHON
    if [ -n "${FKFIX_POSTGRES_URL:-}" ]; then
        psql -X -q "$FKFIX_POSTGRES_URL" -c "DROP DATABASE IF EXISTS fkfix_deploy" -c "CREATE DATABASE fkfix_deploy"
        url=${FKFIX_POSTGRES_URL%/*}/fkfix_deploy
        psql -X -q -v ON_ERROR_STOP=1 "$url" -f "$root/tests/fixtures/app-postgres.sql"
        run_job() {
            set --
            while read -r argument; do set -- "$@" "$argument"; done <"$folder/arguments"
            DATABASE_URL=$url FKFIX_MIGRATIONS=$root/migrations status_of "$@"
        }
        expect "the job with too many orphans" 1 "$(run_job)"
        sed -i 's/^5%$/10%/' "$folder/arguments"
        expect "the job" 0 "$(run_job)"
        expect "the job again" 0 "$(run_job)"
        grep -q "^nothing to do" "$folder/out" || fail "the job does something again"
        psql -X -q "$FKFIX_POSTGRES_URL" -c "DROP DATABASE fkfix_deploy"
        echo "the job for PostgreSQL runs"
    else
        echo "skipped: FKFIX_POSTGRES_URL names no server for the job for PostgreSQL"
    fi
    echo "the job and the init container run"
else
    echo "skipped: python3 has no yaml to read workflows and manifests"
fi

if has kubectl; then
    # Offline: --local asks no server.
    KUBECONFIG=/dev/null kubectl set image --local -f "$deploy/kubernetes.yaml" app=x -o name >/dev/null
    KUBECONFIG=/dev/null kubectl set image --local -f "$deploy/kubernetes-postgres.yaml" fkfix=x -o name >/dev/null
    echo "kubectl reads the manifests"
fi

# The units, with the paths and the user of this machine.
if has systemd-analyze; then
    mkdir "$folder/units"
    for unit in "$deploy"/*.service "$deploy"/*.timer; do
        sed "s|/usr/bin/fkfix|$folder/bin/fkfix|; s|^User=app|User=root|" "$unit" >"$folder/units/$(basename "$unit")"
    done
    warnings=$(systemd-analyze verify "$folder"/units/* 2>&1 | grep "$folder/units" || true)
    expect "systemd-analyze" "" "$warnings"
    echo "systemd reads the units"
fi
rm -f "$folder/app.db"*
load "$root/tests/fixtures/app-orm.sql" "$folder/app.db"
sed -n 's/%%/%/; s|^ExecStart=/usr/bin/||p' "$deploy/fkfix.service" >"$folder/commands"
while read -r command; do
    # shellcheck disable=SC2086 # the words of the unit
    expect "$command" 0 "$(DATABASE_URL=sqlite:///$folder/app.db status_of $command)"
done <"$folder/commands"
echo "the commands of the unit run"
