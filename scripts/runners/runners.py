"""Runs the scripts of fkfix through Alembic, Django and yoyo.
usage: runners.py FOLDER, which holds before.db and the scripts."""

import pathlib
import shutil
import sqlite3
import sys

folder = pathlib.Path(sys.argv[1]).resolve()
out = folder / "out"
out.mkdir(exist_ok=True)
UP = (folder / "transaction.up.sql").read_text()
BACK = (folder / "transaction.down.sql").read_text()


def place(name):
    shutil.copy(folder / "before.db", out / name)
    return out / name


def statements(text):
    """Each ends where SQLite says so: a trigger with its END."""
    found, begun = [], ""
    for line in text.splitlines(keepends=True):
        begun += line
        if line.endswith(";\n") and sqlite3.complete_statement(begun):
            found.append(begun)
            begun = ""
    return found


def alembic():
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from sqlalchemy import create_engine, event

    for way, scripts in (("up", [UP]), ("back", [UP, BACK])):
        engine = create_engine(f"sqlite:///{place(f'alembic.{way}.db')}")

        @event.listens_for(engine, "connect")
        def connected(connection, _):
            connection.execute("PRAGMA foreign_keys = ON")
            # The driver would commit before each statement that changes the schema.
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def begin(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        with engine.begin() as connection:
            op = Operations(MigrationContext.configure(connection))
            for script in scripts:
                for statement in statements(script):
                    op.get_bind().exec_driver_sql(statement)
        engine.dispose()
    engine = create_engine(f"sqlite:///{place('alembic.same.db')}")
    try:
        with engine.begin() as connection:
            for statement in statements(UP):
                connection.exec_driver_sql(statement)
    except Exception as error:
        assert "a promise does not hold" in str(error), error
    else:
        raise AssertionError("it runs where the driver commits")


def django():
    import django
    from django.conf import settings
    from django.db import connections, migrations

    settings.configure(
        DATABASES={
            way: {"ENGINE": "django.db.backends.sqlite3", "NAME": place(f"django.{way}.db")}
            for way in ("up", "back", "same")
        }
        | {"default": {}},
    )
    django.setup()
    for way, scripts in (("up", [UP]), ("back", [UP, BACK])):
        for script in scripts:
            operation = migrations.RunSQL(statements(script))
            with connections[way].schema_editor(atomic=True) as editor:
                operation.database_forwards("app", editor, _State(), _State())
        connections[way].close()
    # As one text it goes through sqlparse, which takes the comments out of the definition.
    try:
        with connections["same"].schema_editor(atomic=True) as editor:
            migrations.RunSQL(UP).database_forwards("app", editor, _State(), _State())
    except Exception as error:
        assert "a promise does not hold" in str(error), error
    else:
        raise AssertionError("it runs without the comments of the definition")
    connections["same"].close()


class _State:
    def clear_delayed_apps_cache(self):
        pass


def yoyo():
    from yoyo import get_backend, read_migrations

    for way in ("up", "back"):
        source = folder / f"yoyo.{way}"
        source.mkdir()
        (source / "1-keys.sql").write_text(UP)
        if way == "back":
            (source / "2-back.sql").write_text(BACK)
        backend = get_backend(f"sqlite:///{place(f'yoyo.{way}.db')}")
        with backend.lock():
            backend.apply_migrations(backend.to_apply(read_migrations(str(source))))


failed = False
for run in (alembic, django, yoyo):
    try:
        run()
        print(run.__name__, "ran")
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(run.__name__, error, file=sys.stderr)
        failed = True
sys.exit(failed)
