#!/usr/bin/env python3
"""Measures what each tool keeps of a database when it adds foreign keys: bench/fidelity.py

Each property is tried alone, on a small database that has it, and then the whole of the fixtures.
The table goes into docs/comparison.md.
"""

import contextlib
import dataclasses
import pathlib
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable

import environment
import properties
from environment import FIXTURES, FKFIX, PEERS, PROJECT, PYTHON
from properties import PROPERTIES, Failure, Property

PAGE = PROJECT / "docs" / "comparison.md"
BEGIN, END = "<!-- measured: written by bench/fidelity.py -->", "<!-- end of what was measured -->"

# Bytes that a file may grow where the disk is to be full.
ROOM = 8192


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool: the command for a step (up, up-only, down) on a file. `sets_foreign_keys`: whoever
    writes the migration decides whether its connection has foreign keys on."""

    name: str
    command: Callable
    sets_foreign_keys: bool = True


def peer(name, script):
    """A peer: one of the scripts in peers/."""
    return Tool(name, lambda step, path: [PYTHON, PEERS / script, step, path])


def fkfix(name, *options):
    """fkfix, which keeps orphans without being asked: `up-only` is `up`."""

    def command(step, path):
        verb = step.removesuffix("-only")
        return [FKFIX, verb, "-q", "-d", path, *(options if verb == "up" else [])]

    return Tool(name, command, sets_foreign_keys=False)


def main():
    environment.prepare(build="--no-build" not in sys.argv)
    tools = [fkfix("fkfix up")]
    if environment.offers("up", "--in-place"):
        tools.append(fkfix("fkfix up --in-place", "--in-place"))
    tools += [
        peer("Alembic batch", "alembic_batch.py"),
        peer("sqlite-utils", "sqlite_utils_transform.py"),
    ]
    notes = Notes()
    rows = [[it.name, *(cell(it, tool, notes) for tool in tools)] for it in PROPERTIES]
    rows += [
        fixture_row(file, tools, notes) for file in ("nasty.sql", "app-migrated.sql", "app-orm.sql")
    ]
    heading = ["", *(tool.name for tool in tools)]
    publish("\n\n".join([versions(), table(heading, rows), notes.text()]))


class Notes:
    """What errors said, each once, by number."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        """A reference to `text`."""
        if text not in self.texts:
            self.texts.append(text)
        return f"<sup>{self.texts.index(text) + 1}</sup>"

    def text(self):
        return "\n".join(f"{at}. {text}" for at, text in enumerate(self.texts, 1))


def cell(it, tool, notes):
    """Whether the tool keeps the property: yes, no, or error."""
    if it.foreign_keys and not tool.sets_foreign_keys:
        # It sets the pragma itself, so there is one way to run it.
        it = dataclasses.replace(it, foreign_keys=False)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "app.db"
        make(path, it.setup)
        try:
            return "yes" if holds(it, tool, path) else "**no**"
        except ToolError as error:
            return f"error{notes.mark(f'{tool.name}: `{error}`')}"


def holds(it, tool, path):
    """Runs the tool's steps, and compares."""
    with reading(path) as connection:
        before = it.look(connection)
    failed = False
    try:
        for step in it.steps:
            run(tool, step, path, it)
    except ToolError:
        if it.failure is Failure.NONE:
            raise
        failed = True
    with reading(path) as connection:
        if not failed and it.failure is not Failure.NONE:
            return it.failure is Failure.FULL and properties.has_keys(connection)
        # Nothing is kept by a tool that does nothing.
        if not failed and it.steps[-1] != "down" and not properties.has_keys(connection):
            raise ToolError("no error, and no keys")
        try:
            return it.compare(before, it.look(connection))
        except sqlite3.Error:
            return False


class ToolError(Exception):
    """The tool failed, and this is what it said."""


def run(tool, step, path, it):
    """Runs a step of the tool."""
    command = [*tool.command(step, path), *(["--foreign-keys"] if it.foreign_keys else [])]
    limit = None
    if it.failure is Failure.FULL:
        size = path.stat().st_size + ROOM
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment.clean_environment(),
        preexec_fn=limit,
        # Python ignores SIGXFSZ; the tool is to see the failed write, not the signal.
        restore_signals=False,
    )
    if done.returncode != 0:
        lines = [
            line for line in done.stderr.splitlines() if re.match(r"[\w.]*(Error|error)\b", line)
        ]
        raise ToolError((lines or done.stderr.splitlines() or ["no message"])[-1].replace("|", "/"))


def fixture_row(file, tools, notes):
    """How much of a fixture's objects and rows is the same, but for the keys."""
    script = (FIXTURES / file).read_text()
    whole = Property(
        f"all of `{file}` to the byte, but for keys and orphans", script, properties.whole
    )
    cells = [fixture_cell(file, whole, tool, notes) for tool in tools]
    return [whole.name, *cells]


def fixture_cell(file, whole, tool, notes):
    """Whether all of it is kept; a note names what is not."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "app.db"
        make(path, whole.setup)
        with reading(path) as connection:
            before = properties.whole(connection)
        try:
            run(tool, "up", path, whole)
        except ToolError as error:
            return f"error{notes.mark(f'{tool.name}: `{error}`')}"
        with reading(path) as connection:
            after = properties.whole(connection)
        changed = sorted(it for it in before if before[it] != after.get(it))
        if not changed:
            return "yes"
        gone = f"{tool.name} on `{file}`: not as before: {', '.join(changed)}"
        return "**no**" + notes.mark(gone)


@contextlib.contextmanager
def reading(path):
    """A connection, closed in the end: a tool comes next."""
    connection = sqlite3.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def make(path, script):
    """A database made by `script`."""
    with reading(path) as connection:
        connection.executescript(script)


def versions():
    """What was measured."""
    named = environment.versions()
    wanted = [
        "fkfix",
        "SQLite in fkfix",
        "Alembic",
        "SQLAlchemy",
        "sqlite-utils",
        "SQLite in Python",
    ]
    return "Versions: " + ", ".join(f"{name} {named[name]}" for name in wanted) + "."


def table(heading, rows):
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(text):
    """Prints `text` and puts it between the markers of the page."""
    print(text)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        sys.exit(f"{PAGE} has no place between {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
