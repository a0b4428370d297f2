"""What an application gains once fkfix up has run."""

import sqlite3
import unittest

from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

from database import open_engine
from models import AlertRule, Event, WebhookLog
from support import DatabaseTest


class AfterUp(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.fkfix("up")
        self.engine = open_engine(self.url)
        self.addCleanup(self.engine.dispose)
        self.session = Session(self.engine)
        self.addCleanup(self.session.close)

    def count(self, *conditions):
        return self.session.scalar(select(func.count()).select_from(WebhookLog).where(*conditions))

    def test_from_a_log_to_its_rule_and_event_and_back(self):
        for log in self.session.scalars(select(WebhookLog)):
            self.assertEqual(log.alert_rule.id, log.alert_rule_id)
            self.assertEqual(log.event.id, log.event_id)
            self.assertIn(log, log.alert_rule.webhook_logs)
            self.assertIn(log, log.event.webhook_logs)
        self.assertEqual(self.count(), 1000)

    def test_a_log_is_written(self):
        rule = self.session.scalars(select(AlertRule)).first()
        event = self.session.scalars(select(Event)).first()
        log = WebhookLog(alert_rule=rule, event=event, url="https://hooks.example.com/new")
        self.session.add(log)
        self.session.commit()
        self.assertEqual((log.alert_rule_id, log.event_id), (rule.id, event.id))
        self.assertIn(log, rule.webhook_logs)
        self.assertEqual(self.count(), 1001)

    def test_a_log_of_an_event_that_is_not_there_is_refused(self):
        rule = self.session.scalars(select(AlertRule)).first()
        self.session.add(WebhookLog(alert_rule_id=rule.id, event_id="gone", url="x"))
        with self.assertRaisesRegex(IntegrityError, "FOREIGN KEY constraint failed"):
            self.session.commit()

    def delete(self, parent, logs):
        gone = len(parent.webhook_logs)
        self.assertGreater(gone, 0)
        before = self.count()
        self.session.expire_all()
        self.session.delete(parent)
        self.session.commit()
        self.assertEqual(self.count(logs), 0)
        self.assertEqual(self.count(), before - gone)

    def test_the_logs_of_a_deleted_rule_go(self):
        rule = self.session.scalars(select(AlertRule)).first()
        self.delete(rule, WebhookLog.alert_rule_id == rule.id)

    def test_the_logs_of_a_deleted_event_go(self):
        event = self.session.scalars(select(Event)).first()
        self.delete(event, WebhookLog.event_id == event.id)

    def test_automap_finds_the_relationships_by_itself(self):
        base = automap_base()
        base.prepare(autoload_with=self.engine)
        log_class = base.classes.webhook_logs
        log = self.session.scalars(select(log_class)).first()
        self.assertEqual(log.alert_rules.id, log.alert_rule_id)
        self.assertEqual(log.events.id, log.event_id)
        self.assertIn(log, log.alert_rules.webhook_logs_collection)
        self.assertIn(log, log.events.webhook_logs_collection)


class WithoutTheListener(DatabaseTest):
    def test_the_keys_are_there_and_do_nothing(self):
        self.fkfix("up")
        with sqlite3.connect(self.path) as plain:
            self.assertEqual(plain.execute("PRAGMA foreign_keys").fetchone(), (0,))
        engine = create_engine(self.url)
        with Session(engine) as session:
            rule = session.scalars(select(AlertRule)).first()
            session.add(WebhookLog(alert_rule_id=rule.id, event_id="gone", url="x"))
            session.commit()
        engine.dispose()
        self.assertEqual(self.found(status=1), ["orphans webhook_logs (event_id)"])


class BeforeUp(DatabaseTest):
    def test_automap_finds_none(self):
        base = automap_base()
        engine = create_engine(self.url)
        base.prepare(autoload_with=engine)
        engine.dispose()
        self.assertFalse(hasattr(base.classes.webhook_logs, "events"))


if __name__ == "__main__":
    unittest.main()
