#!/usr/bin/env python3
"""Measures the triggers of `fkfix enforce` beside SQLite's own key.

python3 bench/enforce.py                    a million children
python3 bench/enforce.py --rows 100000  a quick look

1,000 parents that have as many children each, spread over the whole table. The same statements run on
a connection whose foreign keys are on, and, with the triggers, on one whose are off; with an index on
the child's key and without. Processor time of Python's sqlite3, medians, the ratios within the rounds.
"""

import sqlite3
import statistics
import subprocess
import time

import environment
from environment import FKFIX, TARGET

BEGIN, END = "<!-- enforce: written by enforce.py -->", "<!-- end of enforce -->"
PARENTS = 1000
INDEX = "CREATE INDEX child_parent ON child (parent_id)"


def main():
    arguments = environment.arguments(__doc__)
    found = {}
    for _ in range(arguments.rounds):
        for indexed in (True, False):
            for triggers in (False, True):
                for what, seconds in one_run(arguments.rows, indexed, triggers).items():
                    found.setdefault((what, indexed), {}).setdefault(triggers, []).append(seconds)
    environment.publish(table(arguments, found), arguments.readme, BEGIN, END)


def one_run(children, indexed, triggers):
    """The seconds that each of the statements takes."""
    file = TARGET / "bench" / "enforce.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file, isolation_level=None)
    database.executescript(
        f"""PRAGMA synchronous = OFF;
        CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent ON DELETE CASCADE, note TEXT);
        {INDEX if indexed else ''};
        BEGIN;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PARENTS}) INSERT INTO parent SELECT i, 'p' || i FROM n;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {children}) INSERT INTO child SELECT i, 1 + i % {PARENTS}, 'c' || i FROM n;
        COMMIT"""
    )
    if triggers:
        database.close()
        subprocess.run([FKFIX, "enforce", "-q", "-d", file], check=True, stdout=subprocess.DEVNULL)
        database = sqlite3.connect(file, isolation_level=None)
    database.execute(f"PRAGMA foreign_keys = {'OFF' if triggers else 'ON'}")
    # Without an index each takes a look at all children.
    deleted = 100 if indexed else 3
    half = children // 2
    spent = {
        "delete a parent with its children": timed(
            database, "DELETE FROM parent WHERE id = ?", [(it,) for it in range(1, deleted + 1)]
        ),
        "insert 1,000 children": timed(
            database, "INSERT INTO child (parent_id, note) VALUES (?, 'new')", [(500 + it % 400,) for it in range(half)]
        ),
        "change the parent of 1,000 children": timed(
            database, "UPDATE child SET parent_id = ? WHERE id = ?", [(500 + it % 400, half + it) for it in range(half)]
        ),
    }
    left = database.execute("SELECT count(*) FROM child WHERE parent_id NOT IN (SELECT id FROM parent)").fetchone()
    assert left == (0,), f"{left} orphans"
    database.close()
    file.unlink()
    each = {"delete a parent with its children": deleted}
    return {what: seconds / each.get(what, half / 1000) for what, seconds in spent.items()}


def timed(database, statement, values):
    """The processor time of that statement with each of the values, in one transaction."""
    database.execute("BEGIN")
    since = time.process_time()
    database.executemany(statement, values)
    spent = time.process_time() - since
    database.execute("COMMIT")
    return spent


def table(arguments, found):
    rows = ["| | index on the key | SQLite's own key, ms | `fkfix enforce`, ms | times |", "| --- | --- | --- | --- | --- |"]
    for (what, indexed), seconds in found.items():
        own, ours = (1000 * statistics.median(seconds[it]) for it in (False, True))
        times = statistics.median(ours / own for own, ours in zip(seconds[False], seconds[True]))
        rows.append(f"| {what} | {'yes' if indexed else 'no'} | {own:.2f} | {ours:.2f} | {times:.2f} |")
    heading = f"{arguments.rows:,} children of {PARENTS:,} parents, {arguments.rounds} rounds; processor time, sqlite3 {sqlite3.sqlite_version}."
    return heading + "\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
