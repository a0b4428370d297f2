//! What a user may type: the doc comments are the manual.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

mod changing;
mod given;
mod many;
mod marking;
mod reading;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use changing::{Change, ChangeFormat, Clean, DEFAULT_FOLDER, Down, Enforce, New, Restore, Up};
pub use given::Named;
pub use many::Many;
pub use marking::{Redo, Resolve};
pub use reading::{
    Abroad, Check, CheckFormat, Discover, Graph, Orphans, PictureFormat, RowsFormat, Show, Status,
};

use crate::failure::Failure;
use crate::location::Location;
use crate::manual;
use crate::migrations::Numbering;
use crate::policy::{Manner, Mode, Triggers};
use crate::target::Target;

const EXIT_STATUS: &str = "\
Exit status:
  0    done, or nothing to report
  1    the answer is no: check found something, orphans exist, a limit refused
  2    it could not be done: usage, no such database, locked, corrupt, full
  3    done, but the report could not be written
  130  interrupted, with everything rolled back";

/// Adds missing foreign keys to SQLite tables that already hold data
///
/// Nothing is lost: rows that break a key are kept in <table>_orphans and come back on down.
/// Nothing else changes: indexes, triggers, views, defaults, comments stay as they are. All of
/// it happens in one transaction, or not at all.
#[derive(Debug, Parser)]
#[command(
    version,
    long_version = manual::long_version(),
    after_help = EXIT_STATUS,
    after_long_help = format!("{EXIT_STATUS}\n\n{}", manual::FKFIX),
    max_term_width = 100
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The database was not typed: `DATABASE_URL` names it.
    #[arg(skip)]
    pub from_variable: bool,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Say more on stderr: -v each step, -vv each statement
    ///
    /// FKFIX_LOG takes a filter instead, such as fkfix=debug.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A verb.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Apply pending migrations
    #[command(after_long_help = manual::UP, aliases = ["migrate", "apply"])]
    Up(Up),
    /// Revert the newest applied migration
    #[command(after_long_help = manual::DOWN, aliases = ["rollback", "revert"])]
    Down(Down),
    /// Revert the newest applied migration and apply it again, in one transaction
    #[command(after_long_help = manual::REDO)]
    Redo(Redo),
    /// Mark a migration as applied or reverted, without running it
    #[command(after_long_help = manual::RESOLVE)]
    Resolve(Resolve),
    /// Move the orphans of keys that are declared already, or set their key to NULL
    #[command(after_long_help = manual::CLEAN)]
    Clean(Clean),
    /// Put archived rows back where the parents that they lacked exist again
    #[command(after_long_help = manual::RESTORE)]
    Restore(Restore),
    /// Show what is applied, pending, changed
    #[command(after_long_help = manual::STATUS)]
    Status(Status),
    /// Show the rows that break keys, declared or pending
    #[command(after_long_help = manual::ORPHANS)]
    Orphans(Orphans),
    /// Show a row, the rows it refers to and those that refer to it, and what deleting it would take
    #[command(after_long_help = manual::SHOW)]
    Show(Show),
    /// Is the schema as it should be? For CI and for cron; read-only
    #[command(after_long_help = manual::CHECK)]
    Check(Check),
    /// Find foreign keys that were meant but never declared; read-only
    #[command(after_long_help = manual::DISCOVER)]
    Discover(Discover),
    /// Write the next migration: a pair of files, empty or with the keys given
    #[command(after_long_help = manual::NEW, aliases = ["init", "create"])]
    New(New),
    /// Draw the tables and their keys: declared, pending, discovered
    #[command(after_long_help = manual::GRAPH)]
    Graph(Graph),
    /// Carry out the declared keys on every connection, by triggers
    ///
    /// SQLite enforces a declared key only on connections that set PRAGMA foreign_keys, and many
    /// applications never do. This installs triggers that carry out each key's ON DELETE and
    /// ON UPDATE action whatever the pragma says; where it is set they find nothing left to do.
    /// Run it again after the keys have changed: what is missing comes, what is stale goes.
    #[command(after_long_help = manual::ENFORCE)]
    Enforce(Enforce),
    /// See it all on a sample database
    Demo(Demo),
    /// Print a script that completes commands and options in a shell
    #[command(after_long_help = manual::COMPLETIONS)]
    Completions(Completions),
    /// Print this manual as a man page
    #[command(after_long_help = manual::MAN)]
    Man(Man),
}

/// What `--database` is called among the arguments of a verb.
pub const DATABASE: &str = "database";

const WHICH: &str = "The database: a path, a pattern, or a URL: sqlite:, sqlite3:, file: or postgres://; may be given several times";

const WHICH_LONG: &str = "\
The database: a path, a pattern, or a URL: sqlite:, sqlite3:, file: or postgres://; may be given several times

sqlite:///data/app.db is relative, sqlite:////srv/app.db absolute, as in SQLAlchemy; sqlite3: is read as Rails does, file: as SQLite and Prisma do. The file must exist. With ?mode=ro it is not written to.

A pattern in quotes, 'tenants/*.db', names all files that it matches: * and ? stand for any characters but /, [ab] for one of those, ** for folders at any depth. Several databases are done one after the other, each by itself, and each has one line of the result; json is then a list. DATABASE_URL names one.";

/// The database, or several.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// As they were named.
    #[arg(
        id = DATABASE,
        short = 'd',
        long = "database",
        value_name = "DATABASE",
        env = "DATABASE_URL",
        hide_env_values = true,
        required = true,
        help = WHICH,
        long_help = WHICH_LONG
    )]
    pub named: Vec<Named>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: Wait,
}

impl Database {
    /// Where the one is that is named.
    pub fn location(&self) -> Result<&Location, Failure> {
        the_one(&self.named)
    }
}

/// Where the one database is that `named` has.
pub fn the_one(named: &[Named]) -> Result<&Location, Failure> {
    match named {
        [only] => only.location(),
        several => Err(Failure::impossible(format!(
            "one database is looked at here, and {} are named",
            several.len()
        ))
        .hint("name one with --database")),
    }
}

/// The database, or a dump of its schema from which a script is written.
#[derive(Args, Clone, Debug)]
pub struct DatabaseOrSchema {
    /// As they were named.
    #[arg(
        id = DATABASE,
        short = 'd',
        long = "database",
        value_name = "DATABASE",
        env = "DATABASE_URL",
        hide_env_values = true,
        required_unless_present = "schema",
        help = WHICH,
        long_help = WHICH_LONG
    )]
    pub named: Vec<Named>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: Wait,
    /// Write the script for a database with this schema, such as sqlite3 app.db .schema prints; - reads standard input
    ///
    /// For a database that only its host can open. No database is then opened, nor is DATABASE_URL
    /// looked at. It goes with --format sql, and with a --for that is not shell.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// With --format sql: who runs the script
    ///
    /// All but shell run it in a transaction of their own, with foreign keys on or off, on any
    /// database with this schema: what depends on the rows is counted in the script.
    #[arg(long = "for", value_name = "TARGET", default_value = "shell")]
    pub target: Target,
}

impl DatabaseOrSchema {
    /// The database.
    #[must_use]
    pub fn database(&self) -> Database {
        Database {
            named: self.named.clone(),
            wait: self.wait.clone(),
        }
    }
}

/// How long to wait.
#[derive(Args, Clone, Debug)]
pub struct Wait {
    /// How long to wait for other programs before giving up with nothing changed: 5, 500ms, 2m
    ///
    /// 5s, if nothing is said. On PostgreSQL it is how long one try waits for a lock, 100ms; keep it
    /// short, as all who come after wait behind it.
    #[arg(long, value_name = "DURATION", value_parser = given::duration)]
    pub lock_timeout: Option<Duration>,
    /// PostgreSQL: how long to keep trying to get a lock
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = given::duration)]
    pub lock_wait: Duration,
}

impl Wait {
    /// How long to wait for other users of a file.
    #[must_use]
    pub fn for_a_file(&self) -> Duration {
        self.lock_timeout.unwrap_or(Duration::from_secs(5))
    }
}

/// Where fkfix's own tables are.
#[derive(Args, Clone, Debug)]
pub struct Own {
    /// PostgreSQL: the schema of fkfix's own tables
    ///
    /// Without it they are in the first schema of the search path that can be written.
    #[arg(long = "own-schema", id = "own_schema", value_name = "SCHEMA")]
    pub schema: Option<String>,
}

/// How a server is changed.
#[derive(Args, Clone, Debug)]
pub struct OnServer {
    /// PostgreSQL: change all in one transaction, or in short steps
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub mode: Mode,
    /// PostgreSQL: what happens to triggers on tables that rows leave, or come back to
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    pub triggers: Triggers,
    /// PostgreSQL: how many rows move in one transaction
    #[arg(long, value_name = "ROWS", default_value_t = 5000, value_parser = given::batch)]
    pub batch: usize,
    /// PostgreSQL: how long to wait between two batches, for replicas that lag
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = given::duration)]
    pub pause: Duration,
    /// Where fkfix's own tables are.
    #[command(flatten)]
    pub own: Own,
}

impl OnServer {
    /// The same as one value.
    #[must_use]
    pub fn manner(&self) -> Manner {
        Manner {
            mode: self.mode,
            triggers: self.triggers,
            batch: self.batch,
            pause: self.pause,
            child_index: false,
        }
    }
}

/// Which migrations.
#[derive(Args, Clone, Debug)]
pub struct Set {
    /// Take the migrations from this folder
    ///
    /// It holds V<number>__<name>.sql and, to revert it, V<number>__<name>.down.sql. Without
    /// it the folder is ./migrations, where that holds migrations, and otherwise the built-in
    /// one counts, where its table is there; built-in names that one.
    #[arg(long = "migrations", value_name = "DIR", env = "FKFIX_MIGRATIONS")]
    pub folder: Option<PathBuf>,
}

/// How a new migration is written.
#[derive(Args, Clone, Copy, Debug)]
pub struct Number {
    /// Number the migration by the time, V20261127130000, in the place of the next number
    #[arg(long)]
    pub timestamp: bool,
}

impl Number {
    /// The same as a value.
    #[must_use]
    pub fn numbering(self) -> Numbering {
        if self.timestamp {
            Numbering::TimeStamp
        } else {
            Numbering::Next
        }
    }
}

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// `fkfix demo`
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Where to make the sample database, which must not exist; without it, in a new temporary folder
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `fkfix completions`
#[derive(Args, Clone, Debug)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// `fkfix man`
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Write a page for each command to this folder instead
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
