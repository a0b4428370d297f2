#!/usr/bin/env python3
"""Draws what `fkfix demo` prints as a terminal window: docs/demo.svg.

    scripts/demo-svg.py [--binary FILE] [--check]

With --check nothing is written; the exit status is 1 where the picture is not current.
The same program gives the same bytes, so that the picture can be held against it.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
from html import escape

PROJECT = pathlib.Path(__file__).resolve().parent.parent
PICTURE = PROJECT / "docs" / "demo.svg"

COLUMNS = 102
FONT_SIZE = 14
# Advance of the usual monospaced fonts, 0.6 em; `textLength` holds others to it.
COLUMN_WIDTH = 8.4
LINE_HEIGHT = 20
PADDING = 24
TITLE_BAR = 40

BACKGROUND, BAR, TEXT, DIM = "#0d1117", "#161b22", "#c9d1d9", "#8b949e"
STYLES = {
    "plain": f"fill: {TEXT}",
    "comment": "fill: #d2a8ff",
    "prompt": "fill: #3fb950; font-weight: bold",
    "command": "fill: #ffffff; font-weight: bold",
    "dim": f"fill: {DIM}",
    # What the program itself asks for in colour, by the numbers of ECMA-48.
    "sgr31": "fill: #ff7b72; font-weight: bold",
    "sgr33": "fill: #e3b341; font-weight: bold",
    "sgr36": "fill: #56d4dd; font-weight: bold",
}
COMMENT = re.compile(r"\d+\. ")
PROMPT = re.compile(r"(\$|sqlite>) (.*)")
ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def main():
    parser = argparse.ArgumentParser(description="Draws what `fkfix demo` prints.")
    parser.add_argument("--binary", type=pathlib.Path, default=PROJECT / "target/release/fkfix")
    parser.add_argument("--check", action="store_true", help="write nothing; is it current?")
    arguments = parser.parse_args()
    drawn = picture(demo(arguments.binary.resolve()))
    shown = PICTURE.relative_to(PROJECT)
    if not arguments.check:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(drawn, encoding="utf-8", newline="\n")
        print(f"{shown} is written")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != drawn:
        sys.exit(
            f"{shown} is not what the demo prints now\nhint: scripts/demo-svg.py draws it again"
        )


def demo(binary):
    """What the demo prints, stderr between stdout as a terminal shows it."""
    kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [binary, "demo", "demo.db"],
            cwd=folder,
            env=kept | {"CLICOLOR_FORCE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
    if run.returncode != 0:
        sys.exit(f"{binary} demo ended with {run.returncode}:\n{run.stdout}")
    return run.stdout


def is_setting(name):
    """Whether the variable would change what the program prints."""
    return name in ("DATABASE_URL", "NO_COLOR", "CLICOLOR") or name.startswith("FKFIX_")


def picture(text):
    """The terminal window that shows `text`."""
    lines = [[("prompt", "$"), ("command", " fkfix demo demo.db")], []]
    for line in text.rstrip("\n").split("\n"):
        lines += [runs(part) for part in wrapped(line)]
    width = round(COLUMNS * COLUMN_WIDTH) + 2 * PADDING
    height = TITLE_BAR + 2 * PADDING + len(lines) * LINE_HEIGHT - 8
    styles = "\n".join(f"    .{name} {{ {style} }}" for name, style in STYLES.items())
    body = "\n".join(drawn for row, line in enumerate(lines) for drawn in texts(row, line))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">
  <title id="title">fkfix demo: orphans are shown, the keys are added, a cascade works, all of it is taken back</title>
  <style>
    text {{ font: {FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }}
{styles}
  </style>
  <rect width="{width}" height="{height}" rx="10" fill="{BACKGROUND}"/>
  <path d="M0 {TITLE_BAR} V10 A10 10 0 0 1 10 0 H{width - 10} A10 10 0 0 1 {width} 10 V{TITLE_BAR} Z" fill="{BAR}"/>
  <circle cx="22" cy="20" r="6" fill="#ff5f56"/>
  <circle cx="42" cy="20" r="6" fill="#ffbd2e"/>
  <circle cx="62" cy="20" r="6" fill="#27c93f"/>
  <text class="dim" x="{width / 2:g}" y="25" text-anchor="middle">fkfix demo</text>
{body}
</svg>
"""


def wrapped(line):
    """`line` in parts of at most COLUMNS characters, broken between words."""
    if len(ESCAPE.sub("", line)) <= COLUMNS:
        return [line]
    return textwrap.wrap(line, COLUMNS, subsequent_indent="      ", break_long_words=False)


def runs(line):
    """`line` as pairs of a style and the text in it."""
    if prompt := PROMPT.fullmatch(line):
        return [("prompt", prompt[1]), ("command", " " + prompt[2])]
    if COMMENT.match(line):
        return [("comment", line)]
    # Text and the numbers of escape sequences by turns.
    first, *rest = ESCAPE.split(line)
    styled = [("plain", first)]
    styled += [(style_of(codes), text) for codes, text in zip(rest[::2], rest[1::2])]
    return [(style, text) for style, text in styled if text]


def style_of(codes):
    """The style for the numbers of an escape sequence."""
    names = [f"sgr{code}" for code in codes.split(";") if f"sgr{code}" in STYLES]
    return names[0] if names else "plain"


def texts(row, line):
    """`line` as elements, each at its column: spaces count in no renderer the same."""
    column = 0
    for style, text in line:
        inner = text.strip(" ")
        if inner:
            start = column + len(text) - len(text.lstrip(" "))
            x = PADDING + start * COLUMN_WIDTH
            y = TITLE_BAR + PADDING + 10 + row * LINE_HEIGHT
            length = len(inner) * COLUMN_WIDTH
            yield (
                f'  <text class="{style}" x="{x:.1f}" y="{y}" textLength="{length:.1f}" '
                f'xml:space="preserve">{escape(inner, quote=False)}</text>'
            )
        column += len(text)


if __name__ == "__main__":
    main()
