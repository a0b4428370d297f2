//! What several verbs take.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::given::{self, Named};
use crate::failure::Failure;
use crate::location::Location;
use crate::migrations::Numbering;
use crate::policy::{Manner, Mode, Triggers};
use crate::target::Target;

/// What `--database` is called among the arguments of a verb.
pub const DATABASE: &str = "database";

/// What is said of it.
pub const WHICH: &str = "The database: a path, a pattern, or a URL: sqlite:, sqlite3:, file: or postgres://; may be given several times";

/// The same at length.
pub const WHICH_LONG: &str = "\
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

/// How several databases are gone through.
#[derive(Args, Clone, Debug)]
pub struct Many {
    /// With several databases: go on with the others where one fails
    ///
    /// Without it the first that could not be done (status 2) ends the run, and it is said how many
    /// were not tried. The exit status is the worst of all.
    #[arg(long)]
    pub keep_going: bool,
    /// With several databases: how many at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = given::batch)]
    pub jobs: usize,
}
