"""Prints all that a database holds, but for what a runner keeps for itself, and for times.
usage: picture.py FILE"""

import sqlite3
import sys

OWN = ("_cf_", "d1_", "__drizzle", "knex_", "schema_migrations", "alembic_", "django_", "_yoyo", "yoyo_", "sqlite_")
# What a script leaves where it can't know whether it is still needed.
EMPTY = ("fkfix_schema_history", "fkfix_promises")

connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
# wrangler takes comments out of what it runs.
COMMENT = " -- it's the user's; number"
schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
for kind, name, table, sql in schema:
    sql = sql and sql.replace(COMMENT, "").replace(", \n", ",\n")
    if any(it.startswith(OWN) for it in (name, table)):
        continue
    if kind == "table":
        rows = connection.execute(f'SELECT * FROM "{name}"')
        columns = [it[0] for it in rows.description]
        kept = [at for at, it in enumerate(columns) if it not in ("fkfix_archived_at", "applied_on")]
        rows = sorted(repr([row[at] for at in kept]) for row in rows)
        if not rows and (name in EMPTY or name.endswith("_orphans")):
            continue
        print(kind, name, repr(sql))
        print(*rows, sep="\n")
    else:
        print(kind, name, repr(sql))
print(connection.execute("SELECT name, seq FROM sqlite_sequence WHERE name = 'usr'").fetchall())
print(connection.execute("PRAGMA integrity_check").fetchall(), connection.execute("PRAGMA foreign_key_check(usr)").fetchall())
