"""The step by Alembic's batch mode, as an application's own migration does it.

    alembic_batch.py up|up-only|down FILE [--foreign-keys]

`up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
The last line of stdout is the seconds that the step took, the start of Python aside.
"""

import sys
import time

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

KEYS = [
    ("fk_webhook_logs_alert_rule", "alert_rules", "alert_rule_id"),
    ("fk_webhook_logs_event", "events", "event_id"),
]
step, path, *options = sys.argv[1:]
start = time.perf_counter()
engine = sa.create_engine("sqlite:///" + path)
if "--foreign-keys" in options:

    @sa.event.listens_for(engine, "connect")
    def switch_on(connection, _):
        connection.execute("PRAGMA foreign_keys = ON")


with engine.begin() as connection:
    op = Operations(MigrationContext.configure(connection))
    if step == "up":
        op.execute(
            "DELETE FROM webhook_logs WHERE alert_rule_id NOT IN (SELECT id FROM alert_rules)"
        )
        op.execute("DELETE FROM webhook_logs WHERE event_id NOT IN (SELECT id FROM events)")
    with op.batch_alter_table("webhook_logs") as batch:
        for name, parent, column in KEYS:
            if step == "down":
                batch.drop_constraint(name, type_="foreignkey")
            else:
                batch.create_foreign_key(name, parent, [column], ["id"], ondelete="CASCADE")
engine.dispose()
print(time.perf_counter() - start)
