//! The verbs for one migration: marked and not run, or run again.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::invalid_html_tags)]

use clap::{ArgGroup, Args};

use super::changing::Change;
use super::given;
use super::shared::{Database, Format, Many, Own, Set};
use crate::policy::{Limit, OrphanAction};

/// `fkfix resolve`
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("mark").required(true))]
pub struct Resolve {
    /// The migration: V2, or its number alone
    #[arg(value_name = "VERSION", value_parser = given::version)]
    pub version: i64,
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
    /// It counts as applied, as its file is now
    ///
    /// For a migration that was carried out by hand or by another tool, and for one whose file was
    /// changed since in a way that makes no difference. fkfix down then reverts it by its down script.
    #[arg(long, group = "mark")]
    pub applied: bool,
    /// It counts as not applied: fkfix up applies it again
    #[arg(long, group = "mark")]
    pub reverted: bool,
    /// Why; the history keeps it beside a migration that counts as applied, and fkfix status shows it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Show what would be done, and change not one byte
    #[arg(long)]
    pub dry_run: bool,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `fkfix redo`
#[derive(Args, Clone, Debug)]
pub struct Redo {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// How several are gone through.
    #[command(flatten)]
    pub many: Many,
    /// Which migrations.
    #[command(flatten)]
    pub set: Set,
    /// What happens to rows that break a key
    #[arg(long, value_name = "ACTION", default_value = "follow")]
    pub orphans: OrphanAction,
    /// Refuse when more rows than this would leave a table or lose their key: a number, or a share such as 5%
    #[arg(long, value_name = "N|N%")]
    pub max_orphans: Option<Limit>,
    /// How to change it.
    #[command(flatten)]
    pub change: Change,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}
