#!/bin/sh
# Runs the scripts that fkfix writes for other runners through these, for real: D1 (workerd, in a
# batch and by wrangler), libSQL, dbmate, Drizzle, Knex, Alembic, Django, yoyo. Each must leave what
# fkfix up leaves, and go back to what was. Packages are installed under target/, by the pinned
# versions, and made anew when these change.
# usage: scripts/test-runners.sh [path of fkfix]
set -eu
cd "$(dirname "$0")/.."
FKFIX=$(realpath "${1:-target/debug/fkfix}")
export FKFIX
runners=scripts/runners
FKFIX_MIGRATIONS=$(realpath $runners/migrations)
export FKFIX_MIGRATIONS
node=target/runners-node
python=target/runners-python
if ! cmp -s $runners/package.json $node/package.json; then
    rm -rf $node
    mkdir -p $node
    (cd $node && cp ../../$runners/package.json new.json && mv new.json package.json &&
        npm install --silent --no-audit --no-fund) || { rm -f $node/package.json; exit 1; }
fi
if ! cmp -s $runners/requirements.txt $python/requirements.txt; then
    rm -rf $python
    python3 -m venv $python
    $python/bin/python -m pip install --quiet --disable-pip-version-check -r $runners/requirements.txt
    cp $runners/requirements.txt $python/
fi
all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
cp $runners/node.mjs $node/
failed=0
# Rows that leave, and rows that stay and forget their key.
for FKFIX_ORPHANS in archive follow; do
    export FKFIX_ORPHANS
    folder=$all/$FKFIX_ORPHANS
    mkdir "$folder"
    cp $runners/app.sql "$folder"
    sqlite3 "$folder/before.db" <"$folder/app.sql"
    cp "$folder/before.db" "$folder/after.db"
    fkfix() {
        verb=$1 database=$2
        shift 2
        "$FKFIX" --quiet "$verb" --database "$folder/$database" "$@"
    }
    fkfix up after.db --orphans $FKFIX_ORPHANS >"$folder/report"
    for target in transaction d1 libsql drizzle; do
        fkfix up before.db --orphans $FKFIX_ORPHANS --dry-run --format sql --for $target >"$folder/$target.up.sql"
        fkfix down after.db --dry-run --format sql --for $target >"$folder/$target.down.sql"
    done
    fkfix up before.db --orphans $FKFIX_ORPHANS --dry-run --format sql --for dbmate >"$folder/dbmate.sql"
    mkdir "$folder/out"
    for enforcing in ON OFF; do
        wrapped() {
            cp "$folder/$1" "$folder/out/sqlite3-$enforcing.$3.db"
            { echo "PRAGMA foreign_keys = $enforcing; BEGIN;" && cat "$folder/$2" && echo 'COMMIT;'; } |
                sqlite3 -bail "$folder/out/sqlite3-$enforcing.$3.db" || failed=1
        }
        wrapped before.db transaction.up.sql up
        wrapped "out/sqlite3-$enforcing.up.db" transaction.down.sql back
    done
    (cd $node && node node.mjs "$folder") || failed=1
    PYTHONDONTWRITEBYTECODE=1 $python/bin/python $runners/runners.py "$folder" || failed=1
    for way in before after; do
        python3 $runners/picture.py "$folder/$way.db" >"$folder/$way.txt"
    done
    for database in "$folder"/out/*.db; do
        case $database in
            *.up.db) wanted=after ;;
            *) wanted=before ;;
        esac
        if python3 $runners/picture.py "$database" | diff "$folder/$wanted.txt" -; then
            echo "$FKFIX_ORPHANS, $(basename "$database" .db): as it should be"
        else
            echo "$FKFIX_ORPHANS, $(basename "$database" .db): differs from $wanted" >&2
            failed=1
        fi
    done
done
exit $failed
