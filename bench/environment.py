"""Where things are, and the tools that are measured: a Python of their own, the release binary."""

import argparse
import json
import os
import pathlib
import platform
import shutil
import sqlite3
import subprocess
import sys
import venv

BENCH = pathlib.Path(__file__).resolve().parent
PROJECT = BENCH.parent
TARGET = PROJECT / "target"
VENV = TARGET / "bench-venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = BENCH / "requirements.txt"
PEERS = BENCH / "peers"
NODE = TARGET / "bench-node"
PACKAGES = PEERS / "package.json"
FIXTURES = PROJECT / "tests" / "fixtures"
FKFIX = TARGET / "dist" / "fkfix"


def prepare(build=True):
    """Builds fkfix and installs the peers at the versions of requirements.txt."""
    if build:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=PROJECT, check=True)
    if not FKFIX.exists():
        sys.exit(f"there is no {FKFIX}\nhint: cargo build --profile dist")
    if shutil.which("sqlite3") is None:
        sys.exit("there is no sqlite3 shell\nhint: apt-get install sqlite3")
    installed = VENV / "requirements.txt"
    wanted = REQUIREMENTS.read_text()
    if installed.exists() and installed.read_text() == wanted:
        return
    print("installing the peers", file=sys.stderr)
    venv.create(VENV, clear=True, with_pip=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)
    installed.write_text(wanted)


def arguments(description):
    """What each of the smaller benchmarks is told."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readme", type=pathlib.Path, help="write the table into this page")
    return parser.parse_args()


def publish(text, page, begin, end):
    """Prints the text, and puts it between these marks of the page, if there is one."""
    print(text)
    if page:
        before, rest = page.read_text().split(begin)
        page.write_text(f"{before}{begin}\n\n{text}\n{end}{rest.split(end)[1]}")


def prepare_fidelity():
    """Installs the peers that only fidelity.py runs: those of npm, at the versions of package.json,
    and Debian's Rails."""
    for command, package in (("npm", "npm"), ("ruby", "ruby-activerecord and ruby-sqlite3")):
        if shutil.which(command) is None:
            sys.exit(f"there is no {command}\nhint: apt-get install {package}")
    subprocess.run(["ruby", "-e", "require 'active_record'; require 'sqlite3'"], check=True)
    installed = NODE / "package.json"
    if installed.exists() and installed.read_text() == PACKAGES.read_text():
        return
    print("installing the peers of npm", file=sys.stderr)
    shutil.rmtree(NODE, ignore_errors=True)
    NODE.mkdir(parents=True)
    # Under another name until all of it is there.
    (NODE / "new").mkdir()
    shutil.copyfile(PACKAGES, NODE / "new" / "package.json")
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=NODE / "new", check=True)
    (NODE / "new" / "node_modules").rename(NODE / "node_modules")
    shutil.copyfile(PACKAGES, installed)


def clean_environment():
    """The environment without what would tell fkfix to do something else."""
    told = ("DATABASE_URL", "NO_COLOR")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in told and not name.startswith("FKFIX_")
    }


def offers(verb, option=""):
    """Whether fkfix has the verb, and the verb the option."""
    shown = subprocess.run([FKFIX, verb, "--help"], capture_output=True, text=True)
    return shown.returncode == 0 and option in shown.stdout


def versions():
    """The versions of all that is measured, by name."""
    pinned = dict(line.split("==") for line in REQUIREMENTS.read_text().split())
    return {
        "fkfix": output([FKFIX, "--version"]).split()[1] + commit(),
        "SQLite in fkfix": bundled_sqlite(),
        "sqlite3 shell": output(["sqlite3", "--version"]).split()[0],
        "Python": platform.python_version(),
        "SQLite in Python": sqlite3.sqlite_version,
        "Alembic": pinned["alembic"],
        "SQLAlchemy": pinned["SQLAlchemy"],
        "sqlite-utils": pinned["sqlite-utils"],
    }


def fidelity_versions():
    """Those of the peers that only fidelity.py runs."""
    pinned = dict(line.split("==") for line in REQUIREMENTS.read_text().split())
    packages = json.loads(PACKAGES.read_text())["dependencies"]
    ruby = "require 'active_record'; require 'sqlite3'; print ActiveRecord::VERSION::STRING, ' ', SQLite3::SQLITE_VERSION"
    rails, sqlite = output(["ruby", "-e", ruby]).split()
    node = "console.log(require('better-sqlite3')(':memory:').prepare('SELECT sqlite_version()').pluck().get())"
    return {
        "Django": pinned["Django"],
        "Rails": rails,
        "SQLite in Ruby": sqlite,
        "Knex": packages["knex"],
        "TypeORM": packages["typeorm"],
        "Drizzle Kit": packages["drizzle-kit"],
        "SQLite in Node": output(["node", "-e", node], cwd=NODE),
    }


def commit():
    """The commit in brackets, with a plus sign where src/ differs from it; empty without git."""
    try:
        name = output(["git", "-C", PROJECT, "rev-parse", "--short", "HEAD"])
        changed = output(["git", "-C", PROJECT, "status", "--porcelain", "--", "src", "Cargo.lock"])
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f" ({name}{'+' if changed else ''})"


def bundled_sqlite():
    """The version of SQLite that the build took, as its source says."""
    headers = TARGET.glob("dist/build/libsqlite3-sys-*/out/bindgen.rs")
    for header in sorted(headers, key=os.path.getmtime, reverse=True):
        for line in header.read_text().splitlines():
            if "SQLITE_VERSION:" in line:
                return line.split('"')[1].removesuffix("\\0")
    return "unknown"


def machine():
    """What the figures depend on beside the programs, by name."""
    folder_kind = output(["stat", "--file-system", "--format=%T", TARGET])
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": f"{memory / 2**30:.0f} GiB",
        "kernel": platform.release().split("-")[0],
        "file system": folder_kind,
    }


def processor():
    """The processor's name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def output(command, cwd=None):
    """What `command` prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd)
    return done.stdout.strip()
