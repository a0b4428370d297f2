//! The verbs that only read.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::given::Named;
use super::shared::{DATABASE, Database, Format, Many, Number, Own, Set, WHICH, WHICH_LONG, Wait};
use crate::model::asked::DEFAULT_CONFIDENCE;
use crate::model::finding::Code;

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

/// `fkfix status`
#[derive(Args, Clone, Debug)]
pub struct Status {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Where fkfix's own tables are.
    #[command(flatten)]
    pub own: Own,
    /// Exit with 1 where a migration is pending, for scripts
    #[arg(long)]
    pub exit_code: bool,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `fkfix orphans`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit status: 0 no orphans, 1 there are some, 2 it could not look")]
pub struct Orphans {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// Look at this child table alone
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// List what the archives hold instead: rows that were moved, and keys that were set
    #[arg(long)]
    pub archived: bool,
    /// How many rows of each table to show; csv shows all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// Where fkfix's own tables are.
    #[command(flatten)]
    pub own: Own,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: RowsFormat,
}

/// `fkfix show`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit status: 0 shown, 1 there is no such row, 2 it could not look")]
pub struct Show {
    /// The table
    pub table: String,
    /// The row's primary key, one value for each of its columns in order
    ///
    /// In a table without a primary key it is the rowid; on PostgreSQL the ctid, such as '(0,2)'.
    /// X'00ff' stands for a blob.
    #[arg(required = true, value_name = "KEY", allow_negative_numbers = true)]
    pub key: Vec<String>,
    /// KEY is the rowid, or the ctid, whatever the primary key is
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

/// Where a database is to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Abroad {
    /// PostgreSQL
    Postgres,
}

/// `fkfix check`
#[derive(Args, Clone, Debug)]
pub struct Check {
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
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// How long to wait.
    #[command(flatten)]
    pub wait: Wait,
    /// Check this dump instead, such as sqlite3 app.db .schema or pg_dump -s prints; - reads standard input
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
    /// Also tell what another database would refuse of the keys and names here, for who moves there
    ///
    /// It is of a database of SQLite, or a dump of one.
    #[arg(long = "for", value_name = "DATABASE")]
    pub abroad: Option<Abroad>,
    /// Also look whether the file is sound, by SQLite's quick_check, which reads all of it
    #[arg(long, conflicts_with_all = ["schema", "update"])]
    pub integrity: bool,
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
#[derive(Args, Clone, Debug)]
pub struct Discover {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Show keys that are at least this sure, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_CONFIDENCE, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_confidence: u8,
    /// Write the keys shown as a migration of this name, into the folder of --migrations
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "discovered_keys")]
    pub write: Option<String>,
    /// With --write: also make an index for each key that has none
    #[arg(long, requires = "write")]
    pub with_indexes: bool,
    /// How the migration is numbered.
    #[command(flatten)]
    pub number: Number,
    /// The folder of your migrations: keys that they ask for already are not shown again
    ///
    /// Without it the folder is ./migrations, and --write writes there.
    #[arg(long = "migrations", value_name = "DIR", env = "FKFIX_MIGRATIONS")]
    pub folder: Option<PathBuf>,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// A format of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PictureFormat {
    /// For Mermaid, which GitHub and GitLab draw in Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// To look at
    Svg,
    /// To read: each table with its keys
    Text,
    /// One JSON document
    Json,
}

/// `fkfix graph`
#[derive(Args, Clone, Debug)]
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
    /// Draw this table, and those that keys connect it with
    #[arg(long, value_name = "TABLE")]
    pub around: Option<String>,
    /// How many keys lie between that table and the farthest that is drawn
    #[arg(long, value_name = "N", default_value_t = 1, requires = "around")]
    pub depth: usize,
    /// Draw only keys that rows break, with the number of these rows
    ///
    /// It reads the tables for that.
    #[arg(long)]
    pub only_orphans: bool,
    /// Draw fkfix's own tables too: its history and its archives
    #[arg(long)]
    pub all: bool,
    /// The format of the picture
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub format: PictureFormat,
}
