"""fkfix beside the application's own migrations."""

import unittest

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from sqlalchemy.exc import SAWarning

from models import Base
from support import HERE, DatabaseTest

KEYS = ["fk_webhook_logs_alert_rule", "fk_webhook_logs_event"]
ALEMBIC_KEYS = ["fk_webhook_logs_alert_rule_id_alert_rules", "fk_webhook_logs_event_id_events"]
TWICE = ["key-twice webhook_logs (event_id)", "key-twice webhook_logs (alert_rule_id)"]


def is_modelled(name, kind, _parents):
    return kind != "table" or name in Base.metadata.tables


class AlembicTest(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.engine = create_engine(self.url)
        self.addCleanup(self.engine.dispose)

    def alembic(self, order, *arguments):
        config = Config()
        config.set_main_option("script_location", str(HERE / "migrations"))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            getattr(command, order)(config, *arguments)

    def differences(self, include_name=is_modelled):
        options = {"include_name": include_name, "compare_server_default": True}
        with self.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            return compare_metadata(context, Base.metadata)

    def keys(self):
        """The names of the constraints that webhook_logs has, in order."""
        (definition,) = self.rows("SELECT sql FROM sqlite_schema WHERE name = 'webhook_logs'")[0]
        words = definition.replace("(", " ").split()
        return [name for word, name in zip(words, words[1:]) if word == "CONSTRAINT"]

    def version(self):
        return self.rows("SELECT version_num FROM alembic_version")


class Autogenerate(AlembicTest):
    def test_before_up_it_wants_the_two_keys(self):
        added = [(kind, key.name) for kind, key in self.differences()]
        self.assertCountEqual(added, [("add_fk", name) for name in KEYS])

    def test_after_up_it_finds_no_difference(self):
        self.fkfix("up")
        self.assertEqual(self.differences(), [])

    def test_it_must_be_told_which_tables_are_the_applications(self):
        self.fkfix("up")
        everything = self.differences(include_name=None)
        dropped = {it[1].name for it in everything if it[0] == "remove_table"}
        self.assertLessEqual({"fkfix_schema_history", "webhook_logs_orphans"}, dropped)


class FkfixFirst(AlembicTest):
    def test_stamped_alembic_has_nothing_left_to_do(self):
        self.fkfix("up")
        self.alembic("stamp", "057")
        self.alembic("upgrade", "head")
        self.alembic("check")
        self.assertEqual(self.version(), [("057",)])
        self.assertEqual(self.keys(), KEYS)
        self.assertEqual(self.found(status=0), [])

    def test_without_a_stamp_the_keys_are_there_twice_and_check_finds_it(self):
        self.fkfix("up")
        self.alembic("upgrade", "head")
        self.assertCountEqual(self.keys(), KEYS + ALEMBIC_KEYS)
        self.assertCountEqual(self.found(status=1), TWICE)

    def test_alembics_own_downgrade_can_not_tell_doubled_keys_apart(self):
        self.fkfix("up")
        self.alembic("upgrade", "head")
        with self.assertRaisesRegex(ValueError, "No such constraint"), self.assertWarns(SAWarning):
            self.alembic("downgrade", "056")
        self.assertCountEqual(self.keys(), KEYS + ALEMBIC_KEYS)

    def test_doubled_keys_are_mended_by_fkfix_down(self):
        self.fkfix("up")
        self.alembic("upgrade", "head")
        self.fkfix("down", "--leave-orphans")
        self.assertEqual(self.keys(), ALEMBIC_KEYS)
        adopted = self.fkfix("up")["migrations"][0]["tables"][0]
        self.assertEqual((len(adopted["added"]), len(adopted["adopted"])), (0, 2))
        self.assertEqual(self.found(status=0), [])

    def test_under_the_same_names_alembic_puts_its_keys_in_the_place_of_ours(self):
        self.fkfix("up")
        with self.engine.begin() as connection:
            operations = Operations(MigrationContext.configure(connection))
            with operations.batch_alter_table("webhook_logs") as batch:
                parents = [("alert_rules", ["alert_rule_id"]), ("events", ["event_id"])]
                for name, (parent, columns) in zip(KEYS, parents):
                    batch.create_foreign_key(name, parent, columns, ["id"], ondelete="CASCADE")
        self.assertCountEqual(self.keys(), KEYS)
        self.assertEqual(self.found(status=0), [])


class AlembicFirst(AlembicTest):
    def test_its_keys_are_adopted_and_down_leaves_them(self):
        self.delete_orphans()
        self.alembic("upgrade", "head")
        done = self.fkfix("up")["migrations"][0]["tables"][0]
        self.assertEqual((len(done["added"]), len(done["adopted"])), (0, 2))
        self.assertEqual(self.found(status=0), [])
        self.fkfix("down")
        self.assertEqual(self.keys(), ALEMBIC_KEYS)

    def test_it_leaves_the_orphans_and_fkfix_moves_them_out(self):
        self.alembic("upgrade", "head")
        self.assertEqual(self.rows("SELECT count(*) FROM webhook_logs"), [(1090,)])
        self.fkfix("up")
        self.assertEqual(self.rows("SELECT count(*) FROM webhook_logs"), [(1000,)])
        self.assertEqual(self.rows("SELECT count(*) FROM webhook_logs_orphans"), [(90,)])
        self.assertEqual(self.found(status=0), [])

    def test_alembics_downgrade_and_fkfix_up_move_the_orphans_out(self):
        self.alembic("upgrade", "head")
        self.alembic("downgrade", "056")
        self.fkfix("up")
        self.alembic("stamp", "057")
        self.assertEqual(self.keys(), KEYS)
        self.assertEqual(self.rows("SELECT count(*) FROM webhook_logs_orphans"), [(90,)])
        self.assertEqual(self.found(status=0), [])

    def delete_orphans(self):
        with self.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM webhook_logs WHERE id > 1000")


if __name__ == "__main__":
    unittest.main()
