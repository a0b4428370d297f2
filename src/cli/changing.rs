//! The verbs that change a database, and the one that writes migrations.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::given::{self, Named};
use super::shared::{
    DATABASE, Database, DatabaseOrSchema, Format, Many, Number, OnServer, Set, Wait,
};
use crate::model::key::ForeignKey;
use crate::policy::{Limit, Method, OrphanAction, Policy};
use crate::sqlite::text::notation;

/// A format of what a change did, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChangeFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// With --dry-run: the script that does the same in the sqlite3 shell, or elsewhere by --for
    Sql,
}

impl From<ChangeFormat> for Format {
    fn from(format: ChangeFormat) -> Self {
        match format {
            ChangeFormat::Json => Format::Json,
            ChangeFormat::Text | ChangeFormat::Sql => Format::Text,
        }
    }
}

/// Everything about changing a database.
#[derive(Args, Clone, Debug)]
pub struct Change {
    /// Show what would be done, change not one byte, and exit as the real run would
    #[arg(long)]
    pub dry_run: bool,
    /// First copy the database to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
}

/// `fkfix up`
// Each is a flag of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
pub struct Up {
    /// Which database.
    #[command(flatten)]
    pub database: DatabaseOrSchema,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Stop at this version
    #[arg(long, value_name = "VERSION")]
    pub to: Option<i64>,
    /// Apply a migration too that came late: older than the newest applied one
    ///
    /// As happens when two branches are merged. fkfix down reverts in the order in which they
    /// were applied, the last first.
    #[arg(long)]
    pub allow_missing: bool,
    /// What happens to rows that break a new key
    #[arg(long, value_name = "ACTION", default_value = "follow")]
    pub orphans: OrphanAction,
    /// Refuse when more rows than this would leave a table or lose their key: a number, or a share such as 5%
    ///
    /// Without it two cases are still refused: a parent table that holds no row at all, which
    /// mostly means the wrong database, and a table that would lose all its rows, or more than its
    /// own orphans by a key within it.
    #[arg(long, value_name = "N|N%")]
    pub max_orphans: Option<Limit>,
    /// Go on even where the disk seems to have no room for the copy
    ///
    /// The room is estimated before anything is written. If it does run out, nothing is changed.
    #[arg(long)]
    pub no_space_check: bool,
    /// Edit the stored definition, as is done without it too
    #[arg(long, hide = true, conflicts_with = "documented")]
    pub in_place: bool,
    /// Copy the table, by statements that SQLite documents for it and by no others
    ///
    /// Without it nothing is copied where few rows leave: the keys are written into the stored
    /// definition, as SQLite itself does for ADD CONSTRAINT ... CHECK. The cost is then by orphans,
    /// not by rows, and the file does not grow. Where more than a tenth of the rows leave, a copy is
    /// faster and is made in any case.
    #[arg(long)]
    pub documented: bool,
    /// PostgreSQL: make the index on the child's columns where it is missing; down drops it
    ///
    /// PostgreSQL makes none by itself, and without it each delete of a parent reads all
    /// children. In short steps it is made CONCURRENTLY, while others write.
    #[arg(long)]
    pub child_index: bool,
    /// How a server is changed.
    #[command(flatten)]
    pub server: OnServer,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

impl Up {
    /// What is allowed, where tables are changed by `method`.
    #[must_use]
    pub fn policy(&self, method: Method) -> Policy {
        Policy {
            orphans: self.orphans,
            max_orphans: self.max_orphans,
            method,
        }
    }
}

/// `fkfix down`
#[derive(Args, Clone, Debug)]
pub struct Down {
    /// Which database.
    #[command(flatten)]
    pub database: DatabaseOrSchema,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Revert all above this version; 0 reverts everything
    #[arg(long, value_name = "VERSION")]
    pub to: Option<i64>,
    /// Keep archived rows in the archive instead of putting them back
    #[arg(long)]
    pub leave_orphans: bool,
    /// How a server is changed.
    #[command(flatten)]
    pub server: OnServer,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

/// `fkfix clean`
#[derive(Args, Clone, Debug)]
pub struct Clean {
    /// Which database.
    #[command(flatten)]
    pub database: DatabaseOrSchema,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Clean the keys of this child table alone
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// What happens to rows that break a declared key
    #[arg(long, value_name = "ACTION", default_value = "follow")]
    pub orphans: OrphanAction,
    /// Refuse when more rows than this would leave a table or lose their key: a number, or a share such as 5%
    ///
    /// Without it two cases are still refused: a parent table that holds no row at all, and a table
    /// that would lose all its rows.
    #[arg(long, value_name = "N|N%")]
    pub max_orphans: Option<Limit>,
    /// How a server is changed.
    #[command(flatten)]
    pub server: OnServer,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

/// `fkfix restore`
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Put back the rows of this table alone
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// Show what would be done, and change not one byte
    #[arg(long)]
    pub dry_run: bool,
    /// First copy the database to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// Delete rows from the archives for good instead
    ///
    /// Asks first on a terminal; elsewhere it wants --yes.
    #[arg(long, requires = "older_than")]
    pub purge: bool,
    /// With --purge: those that were archived longer ago than this: 90d, 6months
    #[arg(long, value_name = "DURATION", value_parser = given::duration, requires = "purge")]
    pub older_than: Option<Duration>,
    /// With --purge: without a question
    #[arg(long, requires = "purge")]
    pub yes: bool,
    /// How a server is changed.
    #[command(flatten)]
    pub server: OnServer,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `fkfix enforce`
#[derive(Args, Clone, Debug)]
pub struct Enforce {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Also refuse a child without a parent, when it is inserted or its key changes
    ///
    /// Once given, it stays: to go back, remove the triggers first.
    #[arg(long, conflicts_with = "remove")]
    pub strict: bool,
    /// Remove the triggers that fkfix has made, and no others
    #[arg(long)]
    pub remove: bool,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
}

/// `fkfix new`
#[derive(Args, Clone, Debug)]
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
    /// Also make an index for each key of --add that has none, so that deleting a parent finds its children
    #[arg(long, requires = "add")]
    pub with_indexes: bool,
    /// How it is numbered.
    #[command(flatten)]
    pub number: Number,
    /// Write into this folder, which is made if it is missing
    #[arg(long = "migrations", value_name = "DIR", env = "FKFIX_MIGRATIONS", default_value = DEFAULT_FOLDER)]
    pub folder: PathBuf,
    /// Check the keys of --add against this database, which is only read
    #[arg(
        id = DATABASE,
        short = 'd',
        long = "database",
        value_name = "DATABASE",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    pub named: Vec<Named>,
    /// Check the keys of --add against this schema instead, such as sqlite3 app.db .schema prints; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: Wait,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Where migrations are written when nobody says where.
pub const DEFAULT_FOLDER: &str = "migrations";
