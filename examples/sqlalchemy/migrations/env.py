"""Alembic's environment: the connection comes from the caller."""

from alembic import context

from models import Base


def include_name(name, kind, _parents):
    """Only tables that the application models: fkfix_schema_history and the archive
    webhook_logs_orphans are not among them, and autogenerate must not drop them."""
    return kind != "table" or name in Base.metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=include_name,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
