"""How the application opens its database."""

from sqlalchemy import Engine, create_engine, event


def open_engine(url: str) -> Engine:
    """An engine on whose connections SQLite enforces foreign keys."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def enforce_foreign_keys(connection, _record):
        # In a transaction the pragma does nothing, so it comes first on each new connection.
        # With sqlite3's autocommit=False (Python 3.12 and later) one is open already: set
        # connection.autocommit = True around this statement.
        connection.execute("PRAGMA foreign_keys = ON")

    return engine
