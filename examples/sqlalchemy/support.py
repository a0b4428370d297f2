"""A database to try things on, and fkfix to run on it."""

import json
import os
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FKFIX = os.environ.get("FKFIX", str(ROOT / "target" / "debug" / "fkfix"))
FIXTURE = ROOT / "tests" / "fixtures" / "app-migrated.sql"


class DatabaseTest(unittest.TestCase):
    """Each test has a fresh copy of the application's database."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "app.db"
        self.url = f"sqlite:///{self.path}"
        connection = sqlite3.connect(self.path)
        connection.executescript(FIXTURE.read_text())
        connection.close()

    def fkfix(self, verb, *options, status=0):
        """Runs fkfix; its result as a document."""
        done = subprocess.run(
            [FKFIX, verb, "--database", self.url, "--format", "json", *options],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def found(self, status):
        """The codes and objects that fkfix check finds, the archive aside."""
        report = self.fkfix("check", "--ignore", "archive-not-empty", status=status)
        return [f"{it['code']} {it['object']}" for it in report["findings"]]

    def rows(self, query):
        """What the plain driver reads."""
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()
