"""The step by Django, as its AlterField does it to a model that `inspectdb` wrote.

    django_alter_field.py up|up-only|down FILE [--foreign-keys]

`up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
Django's own connections have foreign keys on, and its schema editor switches them off.
"""

import io
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState

PARENTS = {"alert_rule_id": "AlertRules", "event_id": "Events"}
DELETE = (
    "DELETE FROM webhook_logs WHERE alert_rule_id NOT IN (SELECT id FROM alert_rules)",
    "DELETE FROM webhook_logs WHERE event_id NOT IN (SELECT id FROM events)",
)
step, path, *_ = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

written = io.StringIO()
call_command("inspectdb", stdout=written)
module = {"__name__": "models"}
source = written.getvalue().replace("managed = False", "app_label = 'hooks'")
exec(source, module)
state = ProjectState()
for model in [it for it in module.values() if isinstance(it, type) and it is not models.Model]:
    state.add_model(ModelState.from_model(model))


def alter(column):
    """The operation on a column's field, whatever it is called in the model."""
    now = next(it for it in module["WebhookLogs"]._meta.local_fields if it.column == column)
    if step == "down":
        kind = models.IntegerField if "int" in now.target_field.db_type(connection) else models.TextField
        after = kind(null=now.null, db_column=column)
    else:
        parent = f"hooks.{PARENTS[column]}"
        after = models.ForeignKey(
            parent, models.CASCADE, db_column=column, null=now.null, db_index=False, related_name="+"
        )
    return migrations.AlterField("webhooklogs", now.name, after)


migration = migrations.Migration("0002_keys", "hooks")
migration.operations = [alter(column) for column in PARENTS]
with connection.schema_editor(atomic=True) as editor:
    if step == "up":
        for statement in DELETE:
            editor.execute(statement)
    migration.apply(state, editor)
connection.close()
