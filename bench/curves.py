#!/usr/bin/env python3
"""Draws the charts of a run: curves.py RESULTS.json FOLDER (needs matplotlib)"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams |= {
    "svg.hashsalt": "fkfix",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}
import matplotlib.pyplot as plt

from report import LABELS, WRITERS, Measured

# fkfix stands out; the peers are warm, the floors grey and dashed.
LOOKS = {
    "up": dict(color="#1a7f37", linewidth=2.8),
    "up --documented": dict(color="#0969da", linewidth=2.8),
    "Alembic": dict(color="#bc4c00", linewidth=1.6),
    "sqlite-utils": dict(color="#bf3989", linewidth=1.6),
    "twelve steps": dict(color="#9a6700", linewidth=1.6),
    "VACUUM INTO": dict(color="#57606a", linewidth=1.4, linestyle="--"),
    "cp": dict(color="#8c959f", linewidth=1.4, linestyle=":"),
}
# What each colour is where the reader's page is dark.
DARK = {
    "#ffffff": "#0d1117",
    "#000000": "#c9d1d9",
    "#d0d7de": "#30363d",
    "#1a7f37": "#3fb950",
    "#0969da": "#58a6ff",
    "#bc4c00": "#f0883e",
    "#bf3989": "#f778ba",
    "#9a6700": "#d29922",
    "#57606a": "#8b949e",
    "#8c959f": "#6e7681",
}


def main():
    results, folder = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    cases = [Measured(case) for case in results["cases"]]
    usual = [
        it for it in cases if (it["indexes"], it["journal"], it["cache"]) == (4, "delete", "hot")
    ]
    by_share = [it for it in usual if it["rows"] == most_rows(usual)]
    by_rows = [it for it in usual if it["orphan_share"] == 0.01]
    if len(by_share) > 1:
        draw_by_share(sorted(by_share, key=lambda it: it["orphan_share"]), folder / "orphans.svg")
    if len(by_rows) > 1:
        draw_by_rows(sorted(by_rows, key=lambda it: it["rows"]), folder / "rows.svg")


def most_rows(cases):
    """The largest number of rows for which there are several shares of orphans."""
    numbers = [it["rows"] for it in cases]
    return max((it for it in numbers if numbers.count(it) > 1), default=None)


def draw_by_share(cases, file):
    """Bars of seconds for each share of orphans: 0, 1 and 90% are no scale."""
    _, axes = plt.subplots(figsize=(8.4, 4.4))
    names = [name for name in WRITERS if any(it.has(name) for it in cases)]
    width = 0.8 / len(names)
    for at, name in enumerate(names):
        bars = [(group, it.median(name)) for group, it in enumerate(cases) if it.has(name)]
        places = [group - 0.4 + width * (at + 0.5) for group, _ in bars]
        seconds = [it for _, it in bars]
        color = LOOKS[name]["color"]
        axes.bar(places, seconds, width * 0.9, color=color, label=LABELS.get(name, name))
        for place, it in zip(places, seconds):
            text = f"{it:.0f}" if it >= 9.95 else f"{it:.1f}"
            axes.annotate(
                text, (place, it), (0, 2), textcoords="offset points", ha="center", fontsize=8
            )
    axes.set_xticks(range(len(cases)), [f"{it['orphan_share']:.0%}" for it in cases])
    axes.tick_params(axis="x", length=0)
    rows = cases[0]["rows"]
    finish(axes, f"{rows:,} rows, four indexes, journal mode DELETE", "orphans", file)


def draw_by_rows(cases, file):
    """Seconds over rows, both by powers of ten."""
    axes = curves(cases, [it["rows"] for it in cases])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([it["rows"] for it in cases], [f"{it['rows']:,}" for it in cases])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    finish(axes, "1% orphans, four indexes, journal mode DELETE", "rows", file)


def curves(cases, places):
    """A curve for each subject, through those of `cases` in which it was measured."""
    _, axes = plt.subplots(figsize=(7.6, 4.4))
    for name in WRITERS:
        points = [(at, it.median(name)) for at, it in zip(places, cases) if it.has(name)]
        if len(points) > 1:
            axes.plot(
                *zip(*points),
                marker="o",
                markersize=5,
                label=LABELS.get(name, name),
                **LOOKS[name],
            )
    return axes


def finish(axes, title, horizontal, file):
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(horizontal)
    axes.set_ylabel("seconds, median")
    axes.grid(axis="y", color="#d0d7de", linewidth=0.6)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_axisbelow(True)
    axes.figure.savefig(file, metadata={"Date": None}, facecolor="white")
    plt.close(axes.figure)
    file.write_text(light_or_dark(file.read_text()))


def light_or_dark(svg):
    """The picture with a second set of colours, for readers whose page is dark."""
    rules = ["text { fill: #c9d1d9 }"]
    for light, dark in DARK.items():
        for part in ("fill", "stroke"):
            rules.append(f"[style*='{part}: {light}'] {{ {part}: {dark} !important }}")
    style = "@media (prefers-color-scheme: dark) {\n  " + "\n  ".join(rules) + "\n}"
    head, defs, rest = svg.partition("<defs>")
    return f'{head}{defs}\n  <style type="text/css">{style}</style>{rest}'


if __name__ == "__main__":
    main()
