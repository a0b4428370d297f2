#!/usr/bin/env python3
"""Measures fkfix beside what people use today, in one run on equal copies; see bench/README.md.

python3 bench/run.py                      100,000, 1,000,000 and 10,000,000 rows
python3 bench/run.py --rows 100000        a quick look
python3 bench/run.py --all                100,000 and 1,000,000 rows, then the other four
python3 bench/run.py --report bench/results/FILE.json     draws the tables and curves again
"""

import argparse
import datetime
import itertools
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import time

import databases
import environment
import measure
import report
import subjects
from environment import BENCH, FIXTURES, FKFIX, PYTHON, TARGET

LARGE = 1_000_000
# What differs from this one at a time is measured where tables are large.
USUAL = {"indexes": 4, "share": 0.01, "journal": "delete", "cache": "hot"}
STARTS = 30


def main():
    arguments = parse()
    if arguments.report:
        return publish(arguments.report, arguments.readme)
    environment.prepare(build=not arguments.no_build)
    results = {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": environment.versions(),
        "machine": environment.machine(),
        "binary_bytes": FKFIX.stat().st_size,
        "offered": {
            "documented": environment.offers("up", "--documented"),
            "check": environment.offers("check"),
        },
        "rounds": arguments.rounds,
        "start_up": start_up(),
        "cases": [],
    }
    stamp = re.sub(r"[-:]|\+.*", "", results["started"])
    file = arguments.output or BENCH / "results" / f"{stamp}Z.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    made = databases.Databases(TARGET / "bench" / "databases")
    for case in cases(arguments):
        results["cases"].append(measure_case(case, made, arguments.rounds, results["offered"]))
        # What is measured is kept, come what may.
        file.write_text(json.dumps(results, indent=1) + "\n")
    publish(file, arguments.readme)
    if arguments.all:
        the_others(arguments)


def the_others(arguments):
    """Runs the other benchmarks, with as many rows and rounds at most."""
    rows = ["--rows", str(max(it for it in arguments.rows if it <= LARGE))]
    more = [*rows, "--rounds", str(max(3, arguments.rounds))]
    page = ["--readme", arguments.readme]
    for script, options in (
        ("clean.py", page),
        ("steps.py", page),
        ("enforce.py", page),
        ("postgres.py", ["--no-build"]),
    ):
        print(f"{script} {' '.join(more)}", file=sys.stderr)
        subprocess.run([sys.executable, BENCH / script, *more, *options], check=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", help="10,000,000 too without --all")
    parser.add_argument("--orphans", type=float, nargs="+", default=[0, 0.01, 0.9], help="shares")
    parser.add_argument("--indexes", type=int, nargs="+", default=[0, 4], choices=[0, 4])
    parser.add_argument(
        "--journal", nargs="+", default=["delete", "wal"], choices=["delete", "wal"]
    )
    parser.add_argument("--cache", nargs="+", default=["hot", "cold"], choices=["hot", "cold"])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run")
    parser.add_argument(
        "--all",
        action="store_true",
        help="then measure cleaning, steps, triggers and PostgreSQL too; 10,000,000 rows by --rows alone",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="every combination of what is named above, on tables of every size",
    )
    parser.add_argument("--output", type=pathlib.Path, help="where the raw figures go")
    parser.add_argument("--no-build", action="store_true", help="take the binary that is there")
    parser.add_argument("--readme", type=pathlib.Path, default=BENCH / "README.md")
    parser.add_argument("--report", type=pathlib.Path, help="measure nothing; publish this run")
    arguments = parser.parse_args()
    arguments.rows = arguments.rows or [100_000, LARGE] + [10 * LARGE] * (not arguments.all)
    return arguments


def cases(arguments):
    """What is measured, from the smallest."""
    axes = (
        arguments.rows,
        arguments.indexes,
        arguments.orphans,
        arguments.journal,
        arguments.cache,
    )
    for rows, indexes, share, journal, cache in itertools.product(*map(sorted, axes)):
        here = {"indexes": indexes, "share": share, "journal": journal, "cache": cache}
        unusual = sum(here[name] != USUAL[name] for name in here)
        # Every combination of a small table, one at a time of a large one, and the usual one
        # of the largest. Only a large file tells a cold cache from a hot one.
        small = rows < LARGE and cache == "hot"
        if small or (rows == LARGE and unusual <= 1) or not unusual or arguments.full:
            yield subjects.Case(databases.Shape(rows, share, indexes), journal, cache)


def measure_case(case, made, rounds, offered):
    """The figures of every subject on that database, each round one after the other."""
    # The peers take minutes on more rows, and there is no target for them.
    with_peers = case.shape.rows <= LARGE
    sources = {"pending": made.pending(case.shape)}
    if with_peers:
        sources["declared"] = made.declared(case.shape)
    before = subjects.state(sources["pending"])
    measured = []
    for round in range(rounds):
        started = time.monotonic()
        for chain in subjects.chains(with_peers, **offered):
            measured += measure_chain(chain, case, sources[chain.source], before, round)
        say(case, f"round {round + 1} of {rounds}: {time.monotonic() - started:.0f} s")
    return {
        "rows": case.shape.rows,
        "orphan_share": case.shape.orphan_share,
        "orphans": before["orphans"],
        "indexes": case.shape.indexes,
        "journal": case.journal,
        "cache": case.cache,
        "file_bytes": sources["pending"].stat().st_size,
        "runs": measured,
    }


def measure_chain(chain, case, source, before, round):
    """The figures of the chain's subjects on a copy of `source`."""
    folder = TARGET / "bench" / "work" / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    place = subjects.Place(folder / "app.db", case, before)
    databases.copy(source, place.path, case.journal)
    measured = []
    for subject in chain.subjects:
        if case.cache == "cold":
            measure.forget(place.path)
        run = measure.run(
            subject.command(place), folder, environment.clean_environment(), subject.stdin(place)
        )
        try:
            if run["exit"] not in subject.exits:
                raise subjects.Wrong(f"exit status {run['exit']}: {run['stderr'].strip()}")
            subject.verify(place, run)
        except (subjects.Wrong, sqlite3.Error) as wrong:
            if str(FKFIX) in map(str, subject.command(place)):
                sys.exit(f"fkfix {subject.name} on {case}: {wrong}")
            measured.append({"subject": subject.name, "round": round, "failed": str(wrong)})
            say(case, f"{subject.name} failed: {wrong}")
            break
        measured.append(figures(subject, run, round))
    shutil.rmtree(folder)
    return measured


def figures(subject, run, round):
    """What is kept of a run."""
    out = run.pop("stdout")
    run.pop("stderr")
    run["process_seconds"] = run["seconds"]
    if subject.own_seconds:
        run["seconds"] = float(out.split()[-1])
    if subject.name == "up --dry-run":
        run["estimated_seconds"] = estimate(json.loads(out))
    return {"subject": subject.name, "round": round} | run


def estimate(document):
    """The first number in the document whose name speaks of seconds, if there is one."""
    if isinstance(document, list):
        document = dict(enumerate(document))
    if not isinstance(document, dict):
        return None
    for name, value in document.items():
        if "seconds" in str(name) and isinstance(value, int | float):
            return value
        if (found := estimate(value)) is not None:
            return found
    return None


def start_up():
    """How long `fkfix status` takes on a small file."""
    folder = TARGET / "bench" / "work" / "start"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "app.db"
    connection = sqlite3.connect(path)
    connection.executescript((FIXTURES / "app-migrated.sql").read_text())
    connection.close()
    command = [FKFIX, "status", "-d", path]
    runs = [measure.run(command, folder, environment.clean_environment()) for _ in range(STARTS)]
    shutil.rmtree(folder)
    return [{name: run[name] for name in ("seconds", "cpu_seconds", "exit")} for run in runs]


def publish(file, readme):
    """Writes the tables of a run, and its curves, into the README."""
    for picture in report.PICTURES:
        (readme.parent / picture).unlink(missing_ok=True)
    subprocess.run([PYTHON, BENCH / "curves.py", file, readme.parent], check=True)
    report.write(json.loads(file.read_text()), file, readme)
    print(f"{readme} shows {file}", file=sys.stderr)


def say(case, text):
    shape = case.shape
    name = f"{shape.rows:,} rows, {shape.orphan_share:.0%} orphans, {shape.indexes} indexes, {case.journal}, {case.cache}"
    print(f"{name}: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
