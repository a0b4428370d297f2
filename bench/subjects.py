"""What is measured: commands, what they work on, and what must be true afterwards."""

import dataclasses
import sqlite3
from collections.abc import Callable

import databases
from environment import FKFIX, PEERS, PYTHON

EXPECTED_KEYS = {
    ("alert_rules", "alert_rule_id", "id", "CASCADE"),
    ("events", "event_id", "id", "CASCADE"),
}
COUNT_NOT_IN = """
SELECT count(*) FROM webhook_logs WHERE alert_rule_id NOT IN (SELECT id FROM alert_rules);
SELECT count(*) FROM webhook_logs WHERE event_id NOT IN (SELECT id FROM events);
"""
FOREIGN_KEY_CHECK = "SELECT count(*) FROM pragma_foreign_key_check('webhook_logs');"


class Wrong(Exception):
    """A run did not do what it should have done."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A database and how it is used."""

    shape: databases.Shape
    journal: str
    cache: str


@dataclasses.dataclass(frozen=True)
class Subject:
    """A command. `own_seconds`: it prints its time itself, the start of Python aside."""

    name: str
    command: Callable
    verify: Callable = lambda place, result: None
    stdin: Callable = lambda place: None
    own_seconds: bool = False
    # 1 is the answer of fkfix that there are orphans.
    exits: tuple = (0,)


@dataclasses.dataclass(frozen=True)
class Chain:
    """Subjects that work one after another on the same fresh copy."""

    subjects: list
    source: str = "pending"


@dataclasses.dataclass(frozen=True)
class Place:
    """A copy: its file, the case, and the state before (see [`state`])."""

    path: object
    case: Case
    before: dict


def chains(peers, documented, check):
    """All that is measured on a database, in the order in which it is; the `peers` or not."""
    check_subjects = [fkfix("check", verify=clean)] if check else []
    foreign_key_check = shell("foreign_key_check after up", lambda _: FOREIGN_KEY_CHECK)
    written = [
        Chain([Subject("cp", copied)]),
        Chain([shell("VACUUM INTO", lambda _: "VACUUM INTO 'floor.db';", verify=vacuumed)]),
        Chain(
            [
                fkfix("up", verify=keys_added),
                *check_subjects,
                foreign_key_check,
                fkfix("down", verify=taken_back),
            ]
        ),
    ]
    if peers:
        written += [
            Chain([python("Alembic", "alembic_batch.py", verify=rows_deleted)]),
            Chain([python("sqlite-utils", "sqlite_utils_transform.py", verify=rows_deleted)]),
            Chain([shell("twelve steps", twelve_steps, verify=rows_deleted)]),
        ]
    if documented:
        up = fkfix("up", "--documented", name="up --documented", verify=keys_added)
        down = fkfix("down", name="down after --documented", verify=taken_back)
        written.insert(3, Chain([up, down]))
    dry_run = fkfix("up", "--dry-run", "--format", "json", name="up --dry-run")
    orphans = fkfix("orphans", "--format", "json", exits=(0, 1))
    status = fkfix("status")
    reading = Chain([orphans, shell("NOT IN", lambda _: COUNT_NOT_IN), dry_run, status])
    if not peers:
        return [*written, reading]
    declared = Chain([shell("foreign_key_check", lambda _: FOREIGN_KEY_CHECK)], "declared")
    return [*written, reading, declared]


def fkfix(verb, *options, name=None, **more):
    """fkfix itself."""
    return Subject(
        name or verb, lambda place: [FKFIX, verb, *options, "-q", "-d", place.path], **more
    )


def python(name, script, verify):
    """A peer that is a Python library."""
    command = lambda place: [PYTHON, PEERS / script, "up", place.path]
    return Subject(name, command, verify, own_seconds=True)


def shell(name, script, verify=lambda place, result: None):
    """A script in the sqlite3 shell."""
    return Subject(name, lambda place: ["sqlite3", "-bail", place.path], verify, script)


def copied(place):
    """The floor of every copy; the shell's `sync FILE` is fsync."""
    return ["sh", "-c", 'cp "$1" floor.db && sync floor.db', "sh", place.path]


def twelve_steps(place):
    """https://www.sqlite.org/lang_altertable.html#otheralter, orphans deleted before it."""
    indexes = "; ".join(databases.INDEXES[: place.case.shape.indexes])
    return f"""
PRAGMA foreign_keys = OFF;
BEGIN;
DELETE FROM webhook_logs WHERE alert_rule_id NOT IN (SELECT id FROM alert_rules);
DELETE FROM webhook_logs WHERE event_id NOT IN (SELECT id FROM events);
{databases.table("new_webhook_logs", databases.KEYS)};
INSERT INTO new_webhook_logs SELECT * FROM webhook_logs;
DROP TABLE webhook_logs;
ALTER TABLE new_webhook_logs RENAME TO webhook_logs;
{indexes};
PRAGMA foreign_key_check;
COMMIT;
PRAGMA foreign_keys = ON;
"""


def state(path):
    """What the verification compares: the schema's objects, rows, orphans."""
    connection = sqlite3.connect(path)
    schema = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    )
    orphans = """SELECT count(*) FROM webhook_logs AS logs
        WHERE NOT EXISTS (SELECT 1 FROM alert_rules WHERE id = logs.alert_rule_id)
           OR NOT EXISTS (SELECT 1 FROM events WHERE id = logs.event_id)"""
    found = {
        "schema": schema.fetchall(),
        "rows": connection.execute("SELECT count(*) FROM webhook_logs").fetchone()[0],
        "orphans": connection.execute(orphans).fetchone()[0],
    }
    connection.close()
    return found


def keys_added(place, _):
    """The keys are there, so are the indexes, and every row is in the table or the archive."""
    before = place.before
    rows_deleted(place, _)
    indexes = lambda schema: [it for it in schema if it[0] == "index" and it[2] == "webhook_logs"]
    schema = query(place, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
    expect("indexes", indexes(schema), indexes(before["schema"]))
    if before["orphans"]:
        archived = query(place, "SELECT count(*) FROM webhook_logs_orphans")
        expect("archived rows", archived, [(before["orphans"],)])


def rows_deleted(place, _):
    """The keys are there, and the orphans are not in the table."""
    keys = query(
        place,
        'SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(\'webhook_logs\')',
    )
    expect("keys", set(keys), EXPECTED_KEYS)
    kept = place.before["rows"] - place.before["orphans"]
    expect("rows", query(place, "SELECT count(*) FROM webhook_logs"), [(kept,)])


def taken_back(place, _):
    """The schema and the number of rows are as they were."""
    schema = query(place, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
    expect("schema", schema, place.before["schema"])
    expect("rows", query(place, "SELECT count(*) FROM webhook_logs"), [(place.before["rows"],)])


def clean(_, result):
    """`check` has nothing to say after `up`."""
    expect("exit status of check", result["exit"], 0)


def vacuumed(place, _):
    """The copy is there."""
    if not (place.path.parent / "floor.db").exists():
        raise Wrong("no copy was made")


def query(place, sql):
    """The rows of `sql` in the copy."""
    connection = sqlite3.connect(place.path)
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def expect(what, found, wanted):
    """Raises [`Wrong`] where they differ."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r} instead of {wanted!r}")
