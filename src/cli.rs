//! What a user may type. No logic: the doc comments are the manual.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::manual;
use crate::policy::{Limit, OrphanAction};
use crate::sqlite::check::Code;
use crate::sqlite::discover::DEFAULT_CONFIDENCE;
use crate::sqlite::foreign_key::ForeignKey;
use crate::sqlite::location::Location;
use crate::sqlite::notation;

const EXIT_STATUS: &str = "\
Exit status:
  0    done, or nothing to report
  1    the answer is no: check found something, orphans exist, a limit refused
  2    it could not be done: usage, no such database, locked, corrupt, full
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
}

/// What every command takes.
#[derive(Args, Debug)]
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
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply pending migrations
    #[command(after_long_help = manual::UP)]
    Up(Up),
    /// Take back the newest applied migration
    #[command(after_long_help = manual::DOWN)]
    Down(Down),
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
    #[command(after_long_help = manual::NEW)]
    New(New),
    /// Draw the tables and their keys: declared, pending, discovered
    #[command(after_long_help = manual::GRAPH)]
    Graph(Graph),
    /// Carry out the declared keys on every connection, by triggers
    ///
    /// SQLite acts on a declared key only on connections that set PRAGMA foreign_keys, and many
    /// applications never do. This installs triggers that carry out each key's ON DELETE and
    /// ON UPDATE action whatever the pragma says; where it is set they find nothing left to do. Run it again
    /// after the keys have changed: what is missing comes, what is stale goes.
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

/// The database.
#[derive(Args, Debug)]
pub struct Database {
    /// The database: a path, sqlite:path, or a URL as SQLAlchemy reads it
    ///
    /// sqlite:///data/app.db is relative, sqlite:////srv/app.db absolute. The file must exist.
    #[arg(
        short = 'd',
        long = "database",
        value_name = "DATABASE",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    pub location: Location,
}

/// Which migrations.
#[derive(Args, Debug)]
pub struct Set {
    /// Take the migrations from this folder instead of the built-in one
    ///
    /// It holds V<number>__<name>.sql and, for the way back, V<number>__<name>.down.sql.
    #[arg(long = "migrations", value_name = "DIR", env = "FKFIX_MIGRATIONS")]
    pub folder: Option<PathBuf>,
}

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// A format of what a change did, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChangeFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// With --dry-run: the script that does the same in the sqlite3 shell
    Sql,
}

/// A format of a list of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowsFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// Every row, whole, under one header
    Csv,
}

/// Everything about changing a database.
#[derive(Args, Debug)]
pub struct Change {
    /// Show what would be done, change not one byte, and exit as the real run would
    #[arg(long)]
    pub dry_run: bool,
    /// First copy the database to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// How long to wait for other writers before giving up with nothing changed
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub lock_timeout: Duration,
}

/// `fkfix up`
#[derive(Args, Debug)]
pub struct Up {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Stop at this version
    #[arg(long, value_name = "VERSION")]
    pub to: Option<i32>,
    /// What becomes of rows that break a new key
    #[arg(long, value_name = "ACTION", default_value = "archive")]
    pub orphans: OrphanAction,
    /// Refuse when more rows than this would leave a table: a number, or a share such as 5%
    ///
    /// Without it, one case is still refused: a parent table that holds no row at all, which
    /// mostly means the wrong database.
    #[arg(long, value_name = "N|N%")]
    pub max_orphans: Option<Limit>,
    /// Go on even where the disk seems to have no room for the copy
    ///
    /// The room is estimated before anything is written. If it does run out, nothing is changed.
    #[arg(long)]
    pub no_space_check: bool,
    /// Add the keys by editing the stored definition, without a copy of the table
    ///
    /// As SQLite itself does for ADD CONSTRAINT ... CHECK: the cost is by orphans, not by rows,
    /// and the file does not grow. Where more than a tenth of the rows leave, a copy is faster
    /// and is made all the same.
    #[arg(long, conflicts_with = "documented")]
    pub in_place: bool,
    /// Copy by statements that SQLite documents for it, and none else
    ///
    /// Without it the indexes are copied too and renamed in sqlite_schema, which is faster
    /// than building them anew.
    #[arg(long)]
    pub documented: bool,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

/// `fkfix down`
#[derive(Args, Debug)]
pub struct Down {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Take back all above this version; 0 takes everything back
    #[arg(long, value_name = "VERSION")]
    pub to: Option<i32>,
    /// Keep archived rows in the archive instead of putting them back
    #[arg(long)]
    pub leave_orphans: bool,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

/// `fkfix status`
#[derive(Args, Debug)]
pub struct Status {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `fkfix orphans`
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 no orphans, 1 there are some, 2 it could not look")]
pub struct Orphans {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Look at this child table alone
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// How many rows of each table to show; csv shows all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: RowsFormat,
}

/// `fkfix show`
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 shown, 1 there is no such row, 2 it could not look")]
pub struct Show {
    /// The table
    pub table: String,
    /// The row's primary key, one value for each of its columns in order
    ///
    /// In a table without a primary key it is the rowid. X'00ff' stands for a blob.
    #[arg(required = true, value_name = "KEY", allow_negative_numbers = true)]
    pub key: Vec<String>,
    /// KEY is the rowid, whatever the primary key is
    #[arg(long)]
    pub rowid: bool,
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How many of the rows that refer to it to show, of each table
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// A format of what a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// Annotations that GitHub shows on a pull request
    Github,
}

/// `fkfix check`
#[derive(Args, Debug)]
pub struct Check {
    /// The database: a path, sqlite:path, or a URL as SQLAlchemy reads it
    ///
    /// sqlite:///data/app.db is relative, sqlite:////srv/app.db absolute. The file must exist.
    #[arg(
        short = 'd',
        long = "database",
        value_name = "DATABASE",
        env = "DATABASE_URL",
        hide_env_values = true,
        required_unless_present = "schema"
    )]
    pub location: Option<Location>,
    /// Check this dump instead, such as sqlite3 app.db .schema prints; - reads standard input
    ///
    /// The database is then not opened, nor is DATABASE_URL looked at. A dump does not tell which
    /// migrations are applied, so every key that one asks for must be there.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Also compare the whole schema with this file
    ///
    /// Quoting, white space, comments, the case of keywords and the order of statements make no
    /// difference. fkfix's own history and archives are left out.
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Write the snapshot instead of comparing it, and check nothing
    #[arg(long, requires = "snapshot")]
    pub update: bool,
    /// Exit 1 on warnings too
    #[arg(long)]
    pub strict: bool,
    /// Leave out findings of this kind; may be given several times
    #[arg(long, value_name = "CODE")]
    pub ignore: Vec<Code>,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: CheckFormat,
}

/// `fkfix discover`
#[derive(Args, Debug)]
pub struct Discover {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Show keys that are at least this sure, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_CONFIDENCE, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_confidence: u8,
    /// Write the keys shown as a migration of this name, into the folder of --migrations
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "discovered_keys")]
    pub write: Option<String>,
    /// The folder of your migrations: keys that they ask for already are not shown again
    ///
    /// --write without it writes to the folder migrations.
    #[arg(long = "migrations", value_name = "DIR", env = "FKFIX_MIGRATIONS")]
    pub folder: Option<PathBuf>,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `fkfix new`
#[derive(Args, Debug)]
pub struct New {
    /// The name of the migration, such as add_order_keys
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Add this key: 'orders.customer_id -> customers.id on delete cascade'; may be given several times
    ///
    /// Several columns: 'a(x, y) -> b(x, y)'. Names that are not one word stand in double
    /// quotes. Actions, on delete and on update: cascade, set null, restrict, no action.
    #[arg(long, value_name = "KEY", value_parser = notation::parse)]
    pub add: Vec<ForeignKey>,
    /// Write into this folder, which is made if it is missing
    #[arg(long = "migrations", value_name = "DIR", env = "FKFIX_MIGRATIONS", default_value = DEFAULT_FOLDER)]
    pub folder: PathBuf,
    /// Check the keys of --add against this database, which is only read
    #[arg(
        short = 'd',
        long = "database",
        value_name = "DATABASE",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    pub location: Option<Location>,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Where migrations are written when nobody says where.
pub const DEFAULT_FOLDER: &str = "migrations";

/// A format of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PictureFormat {
    /// For Mermaid, which GitHub and GitLab draw in Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// To look at
    Svg,
    /// One JSON document
    Json,
}

/// `fkfix graph`
#[derive(Args, Debug)]
pub struct Graph {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Draw keys too that were perhaps meant and never declared, as fkfix discover finds them
    ///
    /// It reads the tables for that; the rest of the picture comes from the schema alone.
    #[arg(long)]
    pub discover: bool,
    /// Draw fkfix's own tables too: its history and its archives
    #[arg(long)]
    pub all: bool,
    /// The format of the picture
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub format: PictureFormat,
}

/// `fkfix enforce`
#[derive(Args, Debug)]
pub struct Enforce {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Also refuse a child without a parent, when it is inserted or its key changes
    ///
    /// Once given, it stays: to go back, remove the triggers first.
    #[arg(long, conflicts_with = "remove")]
    pub strict: bool,
    /// Remove the triggers that fkfix has made, and none else
    #[arg(long)]
    pub remove: bool,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

/// `fkfix demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Where to make the sample database, which must not exist; without it, in a new temporary folder
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `fkfix completions`
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// `fkfix man`
#[derive(Args, Debug)]
pub struct Man {
    /// Write a page for each command to this folder instead
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
