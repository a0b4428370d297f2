#!/usr/bin/env python3
"""Measures where the time of `fkfix up` goes, and how much of it certainty takes.

python3 bench/steps.py                          a million rows
python3 bench/steps.py --rows 100000 --rounds 3 a quick look

`up -vv` tells each step as it begins, and when it waits for the walk through all pages, which goes on
beside the search. Each round runs every case on a fresh copy that is on the disk already; the table
shows medians. Certainty is what was added because a tool that promises that nothing is lost may not be
wrong once: the wait for that walk before the first write, and the values of rows that were inserted or
changed held against what they were before COMMIT.
"""

import shutil
import statistics
import subprocess
import sys
import time

import databases
import environment
from environment import FKFIX, TARGET

BEGIN, END = "<!-- steps: written by steps.py -->", "<!-- end of steps -->"
CASES = {
    "`up`, 0%": (0.0, []),
    "`up`, 1%": (0.01, []),
    "`up --documented`, 1%": (0.01, ["--documented"]),
    "`up`, 90%": (0.9, ["--max-orphans", "100%"]),
}
SEARCH, PAGES, VALUES = "orphans searched", "waited for the walk", "values compared"
KINDS = [SEARCH, PAGES, "rows moved, keys added", VALUES, "counts and keys checked", "commit"]


def main():
    arguments = environment.arguments(__doc__)
    made = databases.Databases(TARGET / "bench" / "databases")
    found = {name: [] for name in CASES}
    for _ in range(arguments.rounds):
        for name, (share, options) in CASES.items():
            source = made.pending(databases.Shape(arguments.rows, share, 4))
            found[name].append(one_run(source, options))
    environment.publish(table(arguments, found), arguments.readme, BEGIN, END)


def one_run(source, options):
    """The seconds of each kind of step."""
    work = TARGET / "bench" / "steps"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copyfile(source, work / "app.db")
    subprocess.run(["sync", work / "app.db"], check=True)
    spent = dict.fromkeys(KINDS, 0.0)
    command = [FKFIX, "up", "-vv", *options, "-d", "app.db"]
    run = subprocess.Popen(
        command, cwd=work, env=environment.clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    kind, since = SEARCH, time.monotonic()
    for line in run.stderr:
        level, _, step = line.strip().partition(" ")
        if level == "DEBUG" and "walk through the pages" not in step:
            continue
        if level not in ("INFO", "DEBUG"):
            continue
        now = time.monotonic()
        spent[kind] += now - since
        kind, since = kind_of(step), now
    if run.wait() != 0:
        sys.exit(f"{command} failed")
    spent[kind] += time.monotonic() - since
    shutil.rmtree(work)
    return spent


def kind_of(step):
    """What a step is for."""
    if step == "wait for the walk through the pages":
        return PAGES
    if step.startswith(("search ", "the walk ")):
        return SEARCH
    if step.startswith(("check that every row of", "check that nothing but")):
        return VALUES
    if step.startswith("check that "):
        return "counts and keys checked"
    return "commit" if step == "commit" else "rows moved, keys added"


def table(arguments, found):
    rows = ["| | seconds | " + " | ".join(KINDS) + " | certainty of all |", "| --- " * (len(KINDS) + 3) + "|"]
    for name, runs in found.items():
        all = statistics.median(sum(it.values()) for it in runs)
        parts = [f"{statistics.median(it[kind] for it in runs):.2f}" for kind in KINDS]
        certain = statistics.median((it[PAGES] + it[VALUES]) / sum(it.values()) for it in runs)
        verdict = "met" if certain < 0.1 else f"**missed** by {certain / 0.1 - 1:.0%}"
        rows.append(f"| {name} | {all:.2f} | {' | '.join(parts)} | {certain:.1%}, {verdict} |")
    heading = f"{arguments.rows:,} rows with four indexes, {arguments.rounds} rounds, medians; the target is less than a tenth."
    return heading + "\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
