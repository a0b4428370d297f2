#!/usr/bin/env python3
"""Measures `fkfix clean` beside the twelve statements that people write by hand.

python3 bench/clean.py                          a million rows, 200,000 of them orphans
python3 bench/clean.py --rows 100000 --rounds 3 a quick look

A media library as in the field: one table of items, which are named by GUIDs, and twelve that refer
to it ON DELETE CASCADE, of which a fifth of the rows has lost its item. Each round gives every subject
a fresh copy that is on the disk already, one after the other; the tables show medians, and the ratios
are those within the rounds. What each leaves behind is held against the others.
"""

import argparse
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import uuid

import environment
import measure
from environment import TARGET

BEGIN, END = "<!-- clean: written by clean.py -->", "<!-- end of clean -->"

# Per table: its own columns, its primary key (none for a rowid of its own), and its share of the rows.
RELATIONS = {
    "AncestorIds": ("ParentItemId TEXT NOT NULL", "ItemId, ParentItemId", 12),
    "AttachmentStreamInfos": ("StreamIndex INTEGER NOT NULL, Codec TEXT", "ItemId, StreamIndex", 2),
    "BaseItemImageInfos": ("Id TEXT NOT NULL, Path TEXT NOT NULL, Width INTEGER", "Id", 14),
    "BaseItemMetadataFields": ("Field INTEGER NOT NULL", "Field, ItemId", 2),
    "BaseItemProviders": ("ProviderId TEXT NOT NULL, Value TEXT", "ItemId, ProviderId", 16),
    "BaseItemTrailerTypes": ("Kind INTEGER NOT NULL", "Kind, ItemId", 1),
    "Chapters": ("ChapterIndex INTEGER NOT NULL, Name TEXT, Ticks INTEGER", "ItemId, ChapterIndex", 13),
    "ItemValuesMap": ("ItemValueId TEXT NOT NULL", "ItemValueId, ItemId", 12),
    "KeyframeData": ("Duration INTEGER, Keyframes TEXT", "ItemId", 2),
    "MediaStreamInfos": ("StreamIndex INTEGER NOT NULL, Codec TEXT, Bits REAL", "ItemId, StreamIndex", 14),
    "PeopleBaseItemMap": ("PeopleId TEXT NOT NULL, Role TEXT", "ItemId, PeopleId, Role", 8),
    "UserData": ("UserId TEXT NOT NULL, PlayCount INTEGER, Rating REAL", None, 4),
}

BY_HAND = ".bail on\nPRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n{}\nCOMMIT;\n".format(
    "\n".join(
        f"DELETE FROM {table} WHERE ItemId NOT IN (SELECT Id FROM BaseItems);" for table in RELATIONS
    )
)


def main():
    arguments = parse()
    arguments.fkfix = arguments.fkfix.resolve()
    if not arguments.fkfix.exists():
        sys.exit(f"there is no {arguments.fkfix}\nhint: cargo build --profile dist, or --fkfix FILE")
    home = TARGET / "bench" / "clean"
    home.mkdir(parents=True, exist_ok=True)
    source = home / f"{arguments.rows}-{arguments.orphans}.db"
    if not source.exists():
        make(source, arguments.rows, arguments.orphans)
    fkfix = [arguments.fkfix, "clean", "--max-orphans", "100%", "-d", "app.db"]
    subjects = {
        "fkfix clean": (fkfix, None),
        "fkfix clean --orphans delete": ([*fkfix, "--orphans", "delete"], None),
        "twelve DELETE … NOT IN": (["sqlite3", "app.db"], BY_HAND),
        "the same, and `foreign_key_check`": (
            ["sqlite3", "app.db"],
            BY_HAND.replace("COMMIT;", "PRAGMA foreign_key_check;\nCOMMIT;"),
        ),
    }
    rounds = [one_round(home, source, subjects) for _ in range(arguments.rounds)]
    text = tables(arguments, rounds, source.stat().st_size)
    environment.publish(text, arguments.readme, BEGIN, END)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the twelve tables together")
    parser.add_argument("--orphans", type=float, default=0.2, help="the share without an item")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run")
    parser.add_argument("--fkfix", type=pathlib.Path, default=environment.FKFIX, help="the binary")
    parser.add_argument("--readme", type=pathlib.Path, help="write the table into this page")
    return parser.parse_args()


def make(file, rows, share):
    """A library of `rows` rows. The same arguments give the same rows."""
    chance = random.Random(1)
    guid = lambda: str(uuid.UUID(int=chance.getrandbits(128))).upper()
    half = file.with_suffix(".making")
    half.unlink(missing_ok=True)
    library = sqlite3.connect(half)
    library.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;")
    library.execute("CREATE TABLE BaseItems (Id TEXT NOT NULL PRIMARY KEY, Name TEXT, Path TEXT)")
    items = [guid() for _ in range(rows // 12)]
    gone = [guid() for _ in range(max(1, int(rows // 12 * share)))]
    library.executemany(
        "INSERT INTO BaseItems VALUES (?, ?, ?)",
        ((it, f"item {at}", f"/media/{at}/file.mkv") for at, it in enumerate(items)),
    )
    weight = sum(share for _, _, share in RELATIONS.values())
    for table, (columns, key, part) in RELATIONS.items():
        names = [it.split()[0] for it in columns.split(", ")]
        primary = f", PRIMARY KEY ({key})" if key else ""
        library.execute(
            f"CREATE TABLE {table} (ItemId TEXT NOT NULL REFERENCES BaseItems (Id) ON DELETE CASCADE, {columns}{primary})"
        )
        if key is None or not key.startswith("ItemId"):
            library.execute(f"CREATE INDEX IX_{table}_ItemId ON {table} (ItemId)")
        kinds = [it.split()[1] for it in columns.split(", ")]

        def row(at):
            item = chance.choice(gone) if chance.random() < share else chance.choice(items)
            values = {"TEXT": guid, "INTEGER": lambda: at, "REAL": lambda: at / 4}
            return [item, *(values[kind]() for kind in kinds)]

        places = ", ".join("?" * (len(names) + 1))
        count = rows * part // weight
        if table == "KeyframeData":
            all = [row(at) for at in range(count)]
            all = {it[0]: it for it in all}.values()
        else:
            all = (row(at) for at in range(count))
        library.executemany(f"INSERT INTO {table} VALUES ({places})", all)
    library.commit()
    library.close()
    half.rename(file)


def one_round(home, source, subjects):
    """Each subject on a copy of its own, one after the other."""
    found, left = {}, {}
    for name, (command, stdin) in subjects.items():
        work = home / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        shutil.copyfile(source, work / "app.db")
        subprocess.run(["sync", work / "app.db"], check=True)
        found[name] = measure.run(command, work, environment.clean_environment(), stdin)
        if found[name]["exit"] != 0 or "|" in found[name]["stdout"]:
            sys.exit(f"{name}: {found[name]}")
        left[name] = state(work / "app.db")
    if len(set(left.values())) != 1:
        sys.exit(f"they leave different rows: {left}")
    return found


def state(file):
    """How many rows each table has, and how many break a key."""
    library = sqlite3.connect(file)
    counts = [library.execute(f"SELECT count(*) FROM {it}").fetchone()[0] for it in RELATIONS]
    return (*counts, len(library.execute("PRAGMA foreign_key_check").fetchall()))


def tables(arguments, rounds, size):
    by_hand = "twelve DELETE … NOT IN"
    rows = [
        "| subject | seconds | times the twelve statements | of the processor | MiB of memory | written | peak on disk |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in rounds[0]:
        median = lambda figure: statistics.median(it[name][figure] for it in rounds)
        ratio = statistics.median(it[name]["seconds"] / it[by_hand]["seconds"] for it in rounds)
        rows.append(
            f"| {name} | {median('seconds'):.2f} | {ratio:.2f} | {median('cpu_seconds'):.2f} | {median('own_memory') / 2**20:.0f}"
            f" | {median('written') / size:.2f} | {median('peak_disk') / size:.2f} |"
        )
    heading = (
        f"{arguments.rows:,} rows in twelve tables, {arguments.orphans:.0%} of them without an item; a file of"
        f" {size / 2**20:.0f} MiB; {arguments.rounds} rounds, medians; written and peak in multiples of the file."
    )
    return heading + "\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
