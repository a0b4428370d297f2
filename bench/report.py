"""The tables of a run, in Markdown."""

import statistics

from targets import targets

BEGIN, END = "<!-- figures: written by run.py -->", "<!-- end of figures -->"
WRITERS = ["up", "up --documented", "Alembic", "sqlite-utils", "twelve steps", "VACUUM INTO", "cp"]
READERS = [
    "orphans",
    "NOT IN",
    "foreign_key_check",
    "check",
    "foreign_key_check after up",
    "down",
    "down after --documented",
    "up --dry-run",
    "status",
]
LABELS = {"up": "fkfix up", "up --documented": "fkfix up --documented", "twelve steps": "12 steps"} | {
    name: f"fkfix {name}"
    for name in ("orphans", "check", "down", "down after --documented", "up --dry-run", "status")
}


class Measured:
    """A case with its figures by subject."""

    def __init__(self, case):
        self.case = case
        self.runs = {}
        for run in case["runs"]:
            if "failed" not in run:
                self.runs.setdefault(run["subject"], {})[run["round"]] = run
        self.failed = {run["subject"] for run in case["runs"] if "failed" in run}

    def __getitem__(self, name):
        return self.case[name]

    def has(self, *names):
        """Whether each of these was measured."""
        return all(name in self.runs for name in names)

    def median(self, subject, figure="seconds"):
        """The median of a figure; none where the subject was not measured."""
        values = [run[figure] for run in self.runs.get(subject, {}).values()]
        values = [value for value in values if value is not None]
        return statistics.median(values) if values else None

    def ratio(self, subject, other):
        """The median, over the rounds, of the times of `subject` in those of `other`."""
        rounds = self.runs[subject].keys() & self.runs[other].keys()
        seconds = lambda name, round: self.runs[name][round]["seconds"]
        return statistics.median(seconds(subject, it) / seconds(other, it) for it in rounds)

    def label(self):
        """How the case is named in a table."""
        case = self.case
        cold = ", cold" if case["cache"] == "cold" else ""
        return [
            f"{case['rows']:,}",
            f"{case['orphan_share']:.0%}",
            str(case["indexes"]),
            case["journal"].upper() + cold,
        ]


# A run draws those for which it has the cases.
PICTURES = {
    "orphans.svg": "Seconds over the share of orphans",
    "rows.svg": "Seconds over the number of rows",
}
CASE_HEADING = ["rows", "orphans", "indexes", "journal"]


def write(results, file, readme):
    """Puts the tables of `results`, which are in `file`, between the markers of `readme`."""
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"{readme} has no place for figures between {BEGIN} and {END}")
    drawn = [
        f"![{text}]({name})" for name, text in PICTURES.items() if (readme.parent / name).exists()
    ]
    parts = [run_text(results, file), *drawn, targets_text(results), *tables(results)]
    readme.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}")


def run_text(results, file):
    """Where and with what it was measured."""
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    versions = ", ".join(f"{name} {value}" for name, value in results["versions"].items())
    cases = len(results["cases"])
    rounds = results["rounds"]
    return (
        f"Run of {results['started']}; {cases} case{'s' * (cases > 1)}, {rounds} round{'s' * (rounds > 1)}. Raw figures: [`{file.name}`](results/{file.name}).\n\n"
        f"Machine: {machine}.\n\nVersions: {versions}."
    )


def targets_text(results):
    """The targets, each as met or missed."""
    measured = [Measured(case) for case in results["cases"]]
    rows = [[it.name, it.aim, it.found, it.verdict()] for it in targets(results, measured)]
    return "### Targets\n\n" + table(["what", "target", "measured", ""], rows)


def tables(results):
    """The tables of times, and of what else it took."""
    cases = [Measured(case) for case in results["cases"]]
    yield (
        "### Adding the keys\n\nSeconds; in brackets, how many times as long as `VACUUM INTO` in the same round.\n\n"
        + times(cases, WRITERS, floor="VACUUM INTO")
    )
    yield "### Looking, checking, going back\n\nSeconds.\n\n" + times(cases, READERS)
    yield (
        "### Memory and disk\n\nMiB of memory; disk in multiples of the database file before.\n\n"
        + resources(cases)
    )


def times(cases, subjects, floor=None):
    """A row for each case, a column for each subject."""
    shown = [name for name in subjects if any(name in (*it.runs, *it.failed) for it in cases)]
    heading = CASE_HEADING + [LABELS.get(name, name) for name in shown]
    rows = [it.label() + [time(it, name, floor) for name in shown] for it in cases]
    return table(heading, rows)


def time(case, subject, floor):
    """`1.23 (1.5)`"""
    if not case.has(subject):
        return "failed" if subject in case.failed else ""
    text = seconds(case.median(subject))
    if floor and subject != floor and case.has(floor):
        text += f" ({case.ratio(subject, floor):.2g})"
    return text


def resources(cases):
    """What the writers took beside time, in the most telling cases."""
    rows = []
    for case in cases:
        # The tables and charts of time have every case; these figures hardly depend on it.
        if case["indexes"] != 4 or case["cache"] != "hot" or case["rows"] < max_rows(cases):
            continue
        for name in WRITERS:
            if case.has(name):
                rows.append(case.label() + [LABELS.get(name, name)] + amounts(case, name))
    heading = ["own memory", "with mapped pages", "written", "peak on disk", "temporary files"]
    return table(CASE_HEADING + ["", *heading], rows)


def max_rows(cases):
    """The largest number of rows in all combinations."""
    return max((it["rows"] for it in cases if it["orphan_share"] == 0), default=0)


def amounts(case, name):
    """The figures of [`resources`]."""
    size = case["file_bytes"]
    memory = [case.median(name, figure) for figure in ("own_memory", "maximum_resident")]
    disk = [case.median(name, figure) for figure in ("written", "peak_disk", "peak_temporary")]
    return [f"{it / 2**20:.0f}" for it in memory] + [f"{it / size:.2f}" for it in disk]


def seconds(value):
    """Three digits that count."""
    return f"{value:.4f}" if value < 0.1 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def table(heading, rows):
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
