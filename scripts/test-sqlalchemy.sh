#!/bin/sh
# Runs the tests of examples/sqlalchemy with the pinned packages, in a virtual environment
# under target/ that is made anew when requirements.txt changes.
# usage: scripts/test-sqlalchemy.sh [path of fkfix]
set -eu
cd "$(dirname "$0")/.."
FKFIX=$(realpath "${1:-target/debug/fkfix}")
export FKFIX
example=examples/sqlalchemy
environment=target/venv-sqlalchemy
if ! cmp -s $example/requirements.txt $environment/requirements.txt; then
    rm -rf $environment
    python3 -m venv $environment
    $environment/bin/python -m pip install --quiet --disable-pip-version-check -r $example/requirements.txt
    cp $example/requirements.txt $environment/
fi
cd $example
PYTHONDONTWRITEBYTECODE=1 exec ../../$environment/bin/python -W error::ResourceWarning -m unittest
