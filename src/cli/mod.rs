//! What a user may type: the doc comments are the manual.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

mod changing;
mod command;
mod given;
mod marking;
mod read;
mod reading;
mod shared;

use clap::{Args, Parser, ValueEnum};

pub use changing::{Change, ChangeFormat, Clean, DEFAULT_FOLDER, Down, Enforce, New, Restore, Up};
pub use command::{Command, Completions, Demo, Man};
pub use given::Named;
pub use marking::{Redo, Resolve};
pub use reading::{
    Abroad, Check, CheckFormat, Discover, Graph, Orphans, PictureFormat, RowsFormat, Show, Status,
};
pub use shared::{
    DATABASE, Database, DatabaseOrSchema, Format, Many, Number, OnServer, Own, Set, Wait, the_one,
};

use crate::manual;

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
