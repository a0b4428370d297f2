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
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable

import environment
import properties
from environment import FIXTURES, FKFIX, NODE, PEERS, PROJECT, PYTHON
from properties import PROPERTIES, Failure, Property

PAGE = PROJECT / "docs" / "comparison.md"
BEGIN, END = "<!-- measured: written by bench/fidelity.py -->", "<!-- end of what was measured -->"

README = PROJECT / "README.md"
# The rows of the table in the README, each by the rows of the page that it stands for.
SUMMARY = {
    "orphans, somewhere in the database": ["orphans, somewhere in the database"],
    "a parent key that is not unique is refused": ["a parent key that is not unique is refused"],
    "triggers on the table": ["triggers on the table"],
    "views on it, usable": ["views on it, usable"],
    "expression index, DESC, COLLATE": [
        "index on an expression",
        "DESC of an index",
        "COLLATE of an index",
    ],
    "AUTOINCREMENT and its counter": ["AUTOINCREMENT", "ids never used again (`sqlite_sequence`)"],
    "defaults and types as written": [
        "types of columns, as they were written",
        "defaults, as they were written",
    ],
    "CHECKs, named or not": ["CHECK with a name", "CHECK without a name", "CHECK of a column"],
    "generated columns": ["generated columns"],
    "STRICT, WITHOUT ROWID": ["STRICT", "WITHOUT ROWID"],
    "rowids without INTEGER PRIMARY KEY": ["rowids without INTEGER PRIMARY KEY"],
    "child rows, with foreign keys on": [
        "rows that refer to it, `foreign_keys` on, ON DELETE CASCADE",
        "rows that refer to it, `foreign_keys` on, ON DELETE SET NULL",
    ],
    "statistics of the planner": ["statistics (`sqlite_stat1`)"],
    "the way back, to the byte": ["the way back: the schema to the byte, no orphans"],
}

# Bytes that a file may grow where the disk is to be full.
ROOM = 8192


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool: the command for a step (up, up-only, down) on a file. `sets_foreign_keys`: whoever
    writes the migration decides whether its connection has foreign keys on."""

    name: str
    command: Callable
    sets_foreign_keys: bool = True


def peer(name, script, interpreter=PYTHON, sets_foreign_keys=True):
    """A peer: one of the scripts in peers/."""
    command = lambda step, path: [interpreter, PEERS / script, step, path]
    return Tool(name, command, sets_foreign_keys)


def of_node(name, script, sets_foreign_keys=True):
    """A peer whose packages come from npm. Node looks for them beside the script."""
    shutil.copyfile(PEERS / script, NODE / script)
    command = lambda step, path: ["node", NODE / script, step, path]
    return Tool(name, command, sets_foreign_keys)


def fkfix(name, *options):
    """fkfix, which keeps orphans without being asked: `up-only` is `up`."""

    def command(step, path):
        verb = step.removesuffix("-only")
        return [FKFIX, verb, "-q", "-d", path, *(options if verb == "up" else [])]

    return Tool(name, command, sets_foreign_keys=False)


def main():
    environment.prepare(build="--no-build" not in sys.argv)
    environment.prepare_fidelity()
    tools = [fkfix("fkfix up")]
    if environment.offers("up", "--documented"):
        tools.append(fkfix("fkfix up --documented", "--documented"))
    tools += [
        peer("Alembic batch", "alembic_batch.py"),
        peer("sqlite-utils", "sqlite_utils_transform.py"),
        peer("Django", "django_alter_field.py", sets_foreign_keys=False),
        peer("Rails", "rails_foreign_keys.rb", "ruby", sets_foreign_keys=False),
        of_node("Knex", "knex_alter_table.mjs"),
        of_node("TypeORM", "typeorm_foreign_keys.mjs", sets_foreign_keys=False),
        of_node("Drizzle Kit", "drizzle_kit_generate.mjs"),
    ]
    only = [it.removeprefix("--only=") for it in sys.argv if it.startswith("--only=")]
    if only:
        tools = [tool for tool in tools if tool.name in only]
    notes = Notes()
    rows = [[it.name, *(cell(it, tool, notes) for tool in tools)] for it in PROPERTIES]
    rows += [
        fixture_row(file, tools, notes) for file in ("nasty.sql", "app-migrated.sql", "app-orm.sql")
    ]
    heading = ["", *(tool.name for tool in tools)]
    if only:
        return print(table(heading, rows), notes.text(), sep="\n\n")
    publish(PAGE, "\n\n".join([versions(), table(heading, rows), notes.text()]))
    summarise()


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
        cwd=NODE,
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
    named = environment.versions() | environment.fidelity_versions()
    wanted = [
        "fkfix",
        "SQLite in fkfix",
        "Alembic",
        "SQLAlchemy",
        "sqlite-utils",
        "Django",
        "SQLite in Python",
        "Rails",
        "SQLite in Ruby",
        "Knex",
        "TypeORM",
        "Drizzle Kit",
        "SQLite in Node",
    ]
    return "Versions: " + ", ".join(f"{name} {named[name]}" for name in wanted) + "."


def table(heading, rows):
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(page, text):
    """Prints `text` and puts it between the markers of the page."""
    print(text)
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        sys.exit(f"{page} has no place between {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def summarise():
    """Puts the rows that tell most into the README, several as one."""
    measured = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in measured.splitlines() if line.startswith("|")]
    heading, _, *rows = [[it.strip() for it in line.strip("|").split("|")] for line in lines]
    cells = {row[0]: [re.sub(r"<.*|\W", "", it) for it in row[1:]] for row in rows}
    # What fkfix does by documented statements is the same.
    shown = [at for at, name in enumerate(heading[1:]) if "--documented" not in name]
    summary = []
    for name, parts in SUMMARY.items():
        columns = [[cells[part][at] for part in parts] for at in shown]
        summary.append([name, *(together(column) for column in columns)])
    names = ["is it there afterwards?", *(heading[1 + at] for at in shown)]
    publish(README, table([it.removesuffix(" up") for it in names], summary))


def together(cells):
    """Several cells as one."""
    kinds = set(cells)
    if len(kinds) == 1:
        return cells[0]
    return "partly" if "yes" in kinds else "no"


if __name__ == "__main__":
    main()
