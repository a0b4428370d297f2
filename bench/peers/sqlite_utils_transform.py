"""The step by sqlite-utils.

    sqlite_utils_transform.py up|up-only|down FILE [--foreign-keys]

`up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
The last line of stdout is the seconds that the step took, the start of Python aside.
"""

import contextlib
import sys
import time

import sqlite_utils
from sqlite_utils.db import ForeignKey

PARENTS = {"alert_rule_id": "alert_rules", "event_id": "events"}
step, path, *options = sys.argv[1:]
start = time.perf_counter()
database = sqlite_utils.Database(path)
if "--foreign-keys" in options:
    database.execute("PRAGMA foreign_keys = ON")
logs = database["webhook_logs"]
# `transform` alone is a transaction; so are the two statements together with it.
with database.atomic() if step == "up" else contextlib.nullcontext():
    if step == "up":
        for column, parent in PARENTS.items():
            database.execute(
                f"DELETE FROM webhook_logs WHERE {column} NOT IN (SELECT id FROM {parent})"
            )
    if step == "down":
        logs.transform(drop_foreign_keys=list(PARENTS))
    else:
        keys = [
            ForeignKey("webhook_logs", column, parent, "id", on_delete="CASCADE")
            for column, parent in PARENTS.items()
        ]
        logs.transform(add_foreign_keys=keys)
database.conn.close()
print(time.perf_counter() - start)
