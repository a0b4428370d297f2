#!/usr/bin/env python3
"""The databases that are measured: webhook logs, their rules and their events.

    bench/databases.py FILE ROWS ORPHAN_SHARE INDEXES

makes one: INDEXES is 0 or 4. The same arguments give the same rows.
"""

import dataclasses
import datetime
import os
import pathlib
import random
import shutil
import sqlite3
import sys
import uuid

BODY = """
	id INTEGER NOT NULL, 
	alert_rule_id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	url VARCHAR(2000) NOT NULL, 
	status_code INTEGER DEFAULT '0' NOT NULL, 
	response_time_ms INTEGER DEFAULT '0' NOT NULL, 
	retry_count INTEGER DEFAULT '0' NOT NULL, 
	success BOOLEAN DEFAULT '0' NOT NULL, 
	error_message TEXT, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, 
	PRIMARY KEY (id)"""
KEYS = """, 
	CONSTRAINT fk_webhook_logs_alert_rule FOREIGN KEY (alert_rule_id) REFERENCES alert_rules (id) ON DELETE CASCADE, 
	CONSTRAINT fk_webhook_logs_event FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE"""
PARENTS = """
CREATE TABLE alert_rules (id VARCHAR NOT NULL, name VARCHAR(200) NOT NULL, PRIMARY KEY (id));
CREATE TABLE events (id VARCHAR NOT NULL, description TEXT NOT NULL, PRIMARY KEY (id));
"""
INDEXES = [
    "CREATE INDEX idx_webhook_logs_alert_rule ON webhook_logs (alert_rule_id)",
    "CREATE INDEX idx_webhook_logs_event ON webhook_logs (event_id)",
    "CREATE INDEX idx_webhook_logs_rule_event ON webhook_logs (alert_rule_id, event_id)",
    "CREATE INDEX idx_webhook_logs_created ON webhook_logs (created_at)",
]
# The file is made anew if the power fails.
FAST = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"


def table(name="webhook_logs", keys=""):
    """The definition of the child table."""
    return f"CREATE TABLE {name} ({BODY}{keys}\n)"


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a database holds: `orphan_share` of its `rows` break a key, on average."""

    rows: int
    orphan_share: float
    indexes: int


class Databases:
    """Databases in `folder`, each made once."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def pending(self, shape):
        """A database whose keys are yet to be declared."""
        return self.made(shape, "pending", lambda path: self.build(path, shape))

    def declared(self, shape):
        """The same rows with the keys declared, orphans and all."""
        source = self.pending(shape)
        return self.made(shape, "declared", lambda path: declare(source, path))

    def made(self, shape, kind, make):
        """The file of that kind, made by `make` where it is not there."""
        name = f"{shape.rows}-{shape.orphan_share:g}-{shape.indexes}-{kind}.db"
        path = self.folder / name
        if not path.exists():
            print(f"making {name}", file=sys.stderr)
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            make(unfinished)
            unfinished.rename(path)
        return path

    def build(self, path, shape):
        """Makes a database; one with indexes from the one without."""
        if not shape.indexes:
            return fill(path, shape)
        shutil.copyfile(self.pending(dataclasses.replace(shape, indexes=0)), path)
        with_script(path, ";".join(INDEXES))


def fill(path, shape):
    """Writes the tables, without indexes."""
    rng = random.Random(7)

    def new_ids(count):
        return [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(max(1, count))]

    rules, events = new_ids(200), new_ids(shape.rows // 4)
    dead_rules, dead_events = new_ids(20), new_ids(int(shape.rows * shape.orphan_share / 5))
    start = datetime.datetime(2025, 1, 1)

    def logs():
        for i in range(shape.rows):
            orphan = rng.random() < shape.orphan_share
            rule = rng.choice(dead_rules if orphan and i % 2 else rules)
            event = rng.choice(dead_events if orphan and not i % 2 else events)
            sent = rng.random() < 0.95
            yield (
                i + 1,
                rule,
                event,
                "https://hooks.example.com/services/%08x" % rng.getrandbits(32),
                200 if sent else 503,
                rng.randint(20, 3000),
                0 if sent else 2,
                sent,
                None if sent else "HTTP 503: Service Unavailable",
                (start + datetime.timedelta(seconds=i)).isoformat(" ", "microseconds"),
            )

    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"{FAST} {PARENTS} {table()}; BEGIN;")
    connection.executemany("INSERT INTO alert_rules VALUES (?, 'rule')", ((id,) for id in rules))
    description = "a person walks up to the door"
    connection.executemany("INSERT INTO events VALUES (?, ?)", ((id, description) for id in events))
    connection.executemany("INSERT INTO webhook_logs VALUES (?,?,?,?,?,?,?,?,?,?)", logs())
    connection.execute("COMMIT")
    connection.close()


def declare(source, path):
    """A copy of `source` whose child table has the keys in its definition."""
    shutil.copyfile(source, path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    changed = connection.execute(
        "UPDATE sqlite_schema SET sql = ? WHERE name = 'webhook_logs'", [table(keys=KEYS)]
    )
    assert changed.rowcount == 1
    connection.close()


def with_script(path, script):
    """Runs `script`."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"{FAST} {script}")
    connection.close()


def copy(source, target, journal):
    """A copy that is on the disk already, in that journal mode: what is measured after it does
    not pay for it."""
    shutil.copyfile(source, target)
    if journal == "wal":
        connection = sqlite3.connect(target, isolation_level=None)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        assert mode == "wal"
        connection.close()
    with open(target, "rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    file, rows, share, indexes = sys.argv[1:]
    made = pathlib.Path(file)
    if made.exists():
        sys.exit(f"{made} exists already")
    fill(made, Shape(int(rows), float(share), 0))
    if int(indexes):
        with_script(made, ";".join(INDEXES))
