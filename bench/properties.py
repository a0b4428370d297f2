"""What a database may hold and a tool may lose: each property with a small database that has it."""

import dataclasses
import enum
import operator
import re
import sqlite3
from collections.abc import Callable


class Failure(enum.Enum):
    """Whether the tool should get through."""

    NONE = "it should"
    WANTED = "it should refuse, and change nothing"
    FULL = "there is no room to grow: it should get through all the same, or change nothing"


@dataclasses.dataclass(frozen=True)
class Property:
    """`look` tells what is to be kept, before and after; `compare` whether it was."""

    name: str
    setup: str
    look: Callable
    compare: Callable = operator.eq
    steps: tuple = ("up",)
    foreign_keys: bool = False
    failure: Failure = Failure.NONE


def logs(column="", constraint="", options="", id="id INTEGER PRIMARY KEY"):
    """Parents, and a child table with one more column or constraint."""
    return f"""
    CREATE TABLE alert_rules (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE events (id INTEGER PRIMARY KEY, kind TEXT);
    CREATE TABLE webhook_logs (
        {id},
        alert_rule_id INTEGER,
        event_id INTEGER,
        url TEXT{column and ", " + column}{constraint and ", " + constraint}
    ) {options};
    INSERT INTO alert_rules VALUES (1, 'a'), (2, 'b');
    INSERT INTO events VALUES (1, 'e'), (2, 'f');
    INSERT INTO webhook_logs (id, alert_rule_id, event_id, url) VALUES
        (1, 1, 1, 'http://a'), (2, 1, 2, 'http://b'), (7, 2, NULL, 'http://c');
    """


NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, log_id INTEGER REFERENCES webhook_logs (id) ON DELETE {}); INSERT INTO notes VALUES (1, 1), (2, 2);"
ORPHAN = "INSERT INTO webhook_logs (id, alert_rule_id, event_id, url) VALUES (9999, 99, 1, 'http://orphan');"
INDEX_COLUMNS = 'SELECT l.name, l."unique", l.partial, x.cid, x."desc", x.coll FROM pragma_index_list(\'webhook_logs\') AS l, pragma_index_xinfo(l.name) AS x WHERE x.key ORDER BY l.name, x.seqno'
TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"


def rows(*queries):
    """Looks at the rows of queries."""
    return lambda connection: [connection.execute(query).fetchall() for query in queries]


def stands(statement):
    """Looks at whether SQLite accepts `statement`, and what it leaves in the table."""

    def look(connection):
        try:
            connection.execute(statement)
            return connection.execute("SELECT id, url FROM webhook_logs ORDER BY id").fetchall()
        except sqlite3.IntegrityError:
            return "refused"
        finally:
            connection.rollback()

    return look


def definition(connection):
    """The text of the child table's definition."""
    return connection.execute(
        "SELECT sql FROM sqlite_schema WHERE name = 'webhook_logs'"
    ).fetchone()[0]


def says(text):
    """Looks at whether the definition has `text`."""
    return lambda connection: text in definition(connection)


def violations(connection):
    """The rows that break a declared key."""
    return connection.execute("PRAGMA foreign_key_check").fetchall()


def none_after(_, after):
    """Nothing is left."""
    return not after


def values(connection):
    """All values of all tables that a person made or a tool added."""
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    found = set()
    for (name,) in connection.execute(names).fetchall():
        for row in connection.execute(f'SELECT * FROM "{name}"'):
            found.update(row)
    return found


def has_keys(connection):
    """Whether both keys are declared."""
    keys = connection.execute("PRAGMA foreign_key_list(webhook_logs)").fetchall()
    return {"alert_rules", "events"} <= {key[2] for key in keys}


def everything(connection):
    """The schema to the byte, and every row."""
    schema = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    ).fetchall()
    tables = [name for kind, name, *_ in schema if kind == "table"]
    return schema, {name: table_rows(connection, name) for name in tables}


def table_rows(connection, name, where=""):
    """Every row with its rowid, if it has one, and the storage class of every value."""
    if name.startswith("sqlite_"):
        # Nothing hangs on the rowids in SQLite's own tables.
        return sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall())
    columns = [it[1] for it in connection.execute(f'PRAGMA table_xinfo("{name}")')]
    wanted = ", ".join(f'"{it}", typeof("{it}")' for it in columns)
    try:
        query = f'SELECT rowid, {wanted} FROM "{name}" {where} ORDER BY 1'
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return connection.execute(f'SELECT {wanted} FROM "{name}" {where} ORDER BY 1').fetchall()


# A key as the tools write it, with the comma and the white space before it.
KEY = re.compile(
    r',\s*(CONSTRAINT\s+"?fk_\w+"?\s+)?FOREIGN KEY\s*\("?\w+"?\) REFERENCES "?(alert_rules|events)"?\s*\("?id"?\) ON DELETE CASCADE'
)
SOUND = """WHERE (alert_rule_id IS NULL OR alert_rule_id IN (SELECT id FROM alert_rules))
             AND (event_id IS NULL OR event_id IN (SELECT id FROM events))"""


def whole(connection):
    """Everything but the keys and the orphans, part by part."""
    parts = {}
    schema = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    ).fetchall()
    for kind, name, sql in schema:
        parts[f"the text of {kind} {name}"] = KEY.sub("", sql) if name == "webhook_logs" else sql
        if kind in ("table", "view"):
            try:
                parts[f"rows of {name}"] = table_rows(
                    connection, name, SOUND if name == "webhook_logs" else ""
                )
            except sqlite3.Error:
                parts[f"rows of {name}"] = "unusable"
    return parts


TEXT_PARENTS = """
CREATE TABLE alert_rules (id TEXT PRIMARY KEY); CREATE TABLE events (id TEXT PRIMARY KEY);
CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id TEXT, event_id TEXT, url TEXT);
INSERT INTO alert_rules VALUES ('r'), (NULL); INSERT INTO events VALUES ('e');
INSERT INTO webhook_logs VALUES (1, 'r', 'e', 'http://a'), (2, 'gone', 'e', 'http://b');
"""
MANY = (
    logs()
    + """
INSERT INTO webhook_logs (alert_rule_id, event_id, url)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT 1, 1, printf('http://%0100d', i) FROM n;
"""
)

PROPERTIES = [
    Property(
        "triggers on the table",
        logs() + "CREATE TRIGGER t AFTER INSERT ON webhook_logs BEGIN SELECT 1; END;",
        rows(TRIGGERS),
    ),
    Property(
        "triggers of other tables that name it",
        logs()
        + "CREATE TRIGGER t AFTER INSERT ON events BEGIN UPDATE webhook_logs SET url = 'x'; END;",
        rows(TRIGGERS),
    ),
    Property(
        "views on it, usable",
        logs()
        + "CREATE VIEW v AS SELECT id, url FROM webhook_logs; CREATE VIEW w AS SELECT url FROM v;",
        rows("SELECT * FROM v", "SELECT * FROM w"),
    ),
    Property(
        "plain index", logs() + "CREATE INDEX i ON webhook_logs (event_id);", rows(INDEX_COLUMNS)
    ),
    Property(
        "WHERE of a partial index",
        logs() + "CREATE INDEX i ON webhook_logs (event_id) WHERE url IS NOT NULL;",
        rows(INDEX_COLUMNS),
    ),
    Property(
        "index on an expression",
        logs() + "CREATE INDEX i ON webhook_logs (lower(url));",
        rows(INDEX_COLUMNS),
    ),
    Property(
        "DESC of an index",
        logs() + "CREATE INDEX i ON webhook_logs (url DESC);",
        rows(INDEX_COLUMNS),
    ),
    Property(
        "COLLATE of an index",
        logs() + "CREATE INDEX i ON webhook_logs (url COLLATE NOCASE);",
        rows(INDEX_COLUMNS),
    ),
    Property(
        "AUTOINCREMENT", logs(id="id INTEGER PRIMARY KEY AUTOINCREMENT"), says("AUTOINCREMENT")
    ),
    Property(
        "ids never used again (`sqlite_sequence`)",
        logs(id="id INTEGER PRIMARY KEY AUTOINCREMENT")
        + "INSERT INTO webhook_logs (id) VALUES (900); DELETE FROM webhook_logs WHERE id = 900;",
        rows("SELECT seq FROM sqlite_sequence WHERE name = 'webhook_logs'"),
    ),
    Property(
        "types of columns, as they were written",
        logs("host VARCHAR(200), at DATETIME"),
        rows("SELECT name, type FROM pragma_table_info('webhook_logs')"),
    ),
    Property(
        "columns without a type",
        logs("anything"),
        rows("SELECT name, type FROM pragma_table_info('webhook_logs')"),
    ),
    Property(
        "COLLATE of a column",
        logs("host TEXT COLLATE NOCASE DEFAULT 'A'"),
        rows("SELECT count(*) FROM webhook_logs WHERE host = 'a'"),
    ),
    Property(
        "defaults, as they were written",
        logs("a INTEGER DEFAULT 1, b TEXT DEFAULT CURRENT_TIMESTAMP, c INTEGER DEFAULT (abs(-2))"),
        rows("SELECT name, dflt_value FROM pragma_table_info('webhook_logs')"),
    ),
    Property(
        "CHECK with a name",
        logs(constraint="CONSTRAINT ck CHECK (url <> 'bad')"),
        stands("INSERT INTO webhook_logs (url) VALUES ('bad')"),
    ),
    Property(
        "CHECK without a name",
        logs(constraint="CHECK (url <> 'bad')"),
        stands("INSERT INTO webhook_logs (url) VALUES ('bad')"),
    ),
    Property(
        "CHECK of a column",
        logs("n INTEGER CHECK (n > 0)"),
        stands("INSERT INTO webhook_logs (n) VALUES (0)"),
    ),
    Property(
        "UNIQUE",
        logs(constraint="UNIQUE (url)"),
        stands("INSERT INTO webhook_logs (url) VALUES ('http://a')"),
    ),
    Property(
        "UNIQUE … ON CONFLICT",
        logs(constraint="UNIQUE (url) ON CONFLICT REPLACE"),
        stands("INSERT INTO webhook_logs (id, url) VALUES (50, 'http://a')"),
    ),
    Property(
        "generated columns",
        logs("host TEXT AS (substr(url, 1, 4)) VIRTUAL, twice INTEGER AS (id * 2) STORED"),
        rows("SELECT name, hidden FROM pragma_table_xinfo('webhook_logs')"),
    ),
    Property(
        "STRICT",
        logs(options="STRICT"),
        rows("SELECT strict FROM pragma_table_list('webhook_logs')"),
    ),
    Property(
        "WITHOUT ROWID",
        logs(options="WITHOUT ROWID"),
        rows("SELECT wr FROM pragma_table_list('webhook_logs')"),
    ),
    Property(
        "comments in the definition",
        logs("n INTEGER /* counted in words */"),
        says("/* counted in words */"),
    ),
    Property(
        "DEFERRABLE of a key that was there",
        logs("other INTEGER REFERENCES events (id) DEFERRABLE INITIALLY DEFERRED"),
        says("DEFERRABLE INITIALLY DEFERRED"),
    ),
    Property(
        "values and their storage classes",
        logs("n BLOB")
        + "UPDATE webhook_logs SET n = CASE id WHEN 1 THEN x'00ff' WHEN 2 THEN '5' ELSE 2.0 END;",
        rows("SELECT id, n, typeof(n) FROM webhook_logs ORDER BY id"),
    ),
    Property(
        "rowids without INTEGER PRIMARY KEY",
        logs(id="id TEXT PRIMARY KEY") + "DELETE FROM webhook_logs WHERE id = '1';",
        rows("SELECT rowid, id FROM webhook_logs ORDER BY id"),
    ),
    Property(
        "rows that refer to it, `foreign_keys` off",
        logs() + NOTES.format("CASCADE"),
        rows("SELECT * FROM notes"),
    ),
    Property(
        "rows that refer to it, `foreign_keys` on, ON DELETE CASCADE",
        logs() + NOTES.format("CASCADE"),
        rows("SELECT * FROM notes"),
        steps=("up-only",),
        foreign_keys=True,
    ),
    Property(
        "rows that refer to it, `foreign_keys` on, ON DELETE SET NULL",
        logs() + NOTES.format("SET NULL"),
        rows("SELECT * FROM notes"),
        steps=("up-only",),
        foreign_keys=True,
    ),
    Property(
        "keys of other tables to it",
        logs() + NOTES.format("CASCADE"),
        rows("PRAGMA foreign_key_list(notes)"),
    ),
    Property(
        "statistics (`sqlite_stat1`)",
        logs() + "CREATE INDEX i ON webhook_logs (event_id); ANALYZE;",
        rows("SELECT * FROM sqlite_stat1 WHERE tbl = 'webhook_logs'"),
    ),
    Property(
        "orphans, somewhere in the database",
        logs() + ORPHAN,
        values,
        lambda before, after: "http://orphan" in before & after,
    ),
    Property(
        "no orphan stays behind, no DELETE written by hand",
        logs() + ORPHAN,
        violations,
        none_after,
        steps=("up-only",),
    ),
    Property(
        "no orphan stays behind, one parent key being NULL", TEXT_PARENTS, violations, none_after
    ),
    Property(
        "a full disk leaves everything as it was", MANY + ORPHAN, everything, failure=Failure.FULL
    ),
    Property(
        "the same, no DELETE written by hand",
        MANY,
        everything,
        steps=("up-only",),
        failure=Failure.FULL,
    ),
    Property(
        "a parent table that is not there is refused",
        logs() + "DROP TABLE events;",
        everything,
        steps=("up-only",),
        failure=Failure.WANTED,
    ),
    Property(
        "a parent key that is not unique is refused",
        logs()
        + "DROP TABLE events; CREATE TABLE events (id INTEGER); INSERT INTO events VALUES (1), (2);",
        everything,
        steps=("up-only",),
        failure=Failure.WANTED,
    ),
    Property(
        "names of the new keys", logs(), says("fk_webhook_logs_event"), lambda _, after: after
    ),
    Property(
        "the way back: columns, keys, indexes and rows, no orphans",
        logs() + "CREATE INDEX i ON webhook_logs (event_id);",
        rows(
            "PRAGMA table_xinfo(webhook_logs)",
            "PRAGMA foreign_key_list(webhook_logs)",
            INDEX_COLUMNS,
            "SELECT * FROM webhook_logs ORDER BY id",
        ),
        steps=("up", "down"),
    ),
    Property(
        "the way back: the schema to the byte, no orphans", logs(), everything, steps=("up", "down")
    ),
    Property(
        "the way back: the orphans too",
        logs() + ORPHAN,
        rows("SELECT * FROM webhook_logs ORDER BY id"),
        steps=("up", "down"),
    ),
]
