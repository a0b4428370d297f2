"""The schema as it was before the keys."""

revision = "056"
down_revision = None


def upgrade():
    raise NotImplementedError("tests/fixtures/app-migrated.sql stands for this one")


def downgrade():
    raise NotImplementedError("there is nothing before it")
