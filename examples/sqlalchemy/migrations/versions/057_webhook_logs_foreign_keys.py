"""Alembic's own version of the step that fkfix up takes: rebuild webhook_logs with two keys."""

from alembic import op

revision = "057"
down_revision = "056"

RULE = "fk_webhook_logs_alert_rule_id_alert_rules"
EVENT = "fk_webhook_logs_event_id_events"


def upgrade():
    with op.batch_alter_table("webhook_logs") as batch:
        batch.create_foreign_key(RULE, "alert_rules", ["alert_rule_id"], ["id"], ondelete="CASCADE")
        batch.create_foreign_key(EVENT, "events", ["event_id"], ["id"], ondelete="CASCADE")


def downgrade():
    with op.batch_alter_table("webhook_logs") as batch:
        batch.drop_constraint(EVENT, type_="foreignkey")
        batch.drop_constraint(RULE, type_="foreignkey")
