//! The verbs.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, rustdoc::invalid_html_tags)]

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::changing::{Clean, Down, Enforce, New, Restore, Up};
use super::given::Named;
use super::marking::{Redo, Resolve};
use super::reading::{Check, Discover, Graph, Orphans, Show, Status};
use super::shared::Many;
use crate::manual;

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

impl Command {
    /// The databases as they were named; none where the verb looks at none.
    #[must_use]
    pub fn named(&self) -> &[Named] {
        match self {
            Command::Up(it) if it.database.schema.is_none() => &it.database.named,
            Command::Down(it) if it.database.schema.is_none() => &it.database.named,
            Command::Check(it) if it.schema.is_none() => &it.named,
            Command::New(it) if it.schema.is_none() && !it.add.is_empty() => &it.named,
            Command::Status(it) => &it.database.named,
            Command::Orphans(it) => &it.database.named,
            Command::Clean(it) if it.database.schema.is_none() => &it.database.named,
            Command::Restore(it) => &it.database.named,
            Command::Show(it) => &it.database.named,
            Command::Discover(it) => &it.database.named,
            Command::Graph(it) => &it.database.named,
            Command::Enforce(it) => &it.database.named,
            Command::Redo(it) => &it.database.named,
            Command::Resolve(it) => &it.database.named,
            _ => &[],
        }
    }

    /// The same verb on the database `named` alone.
    #[must_use]
    pub fn on(&self, named: Named) -> Self {
        let (mut command, named) = (self.clone(), vec![named]);
        match &mut command {
            Command::Up(it) => it.database.named = named,
            Command::Down(it) => it.database.named = named,
            Command::Check(it) => it.named = named,
            Command::New(it) => it.named = named,
            Command::Status(it) => it.database.named = named,
            Command::Orphans(it) => it.database.named = named,
            Command::Clean(it) => it.database.named = named,
            Command::Restore(it) => it.database.named = named,
            Command::Show(it) => it.database.named = named,
            Command::Discover(it) => it.database.named = named,
            Command::Graph(it) => it.database.named = named,
            Command::Enforce(it) => it.database.named = named,
            Command::Redo(it) => it.database.named = named,
            Command::Resolve(it) => it.database.named = named,
            Command::Demo(_) | Command::Completions(_) | Command::Man(_) => {}
        }
        command
    }

    /// How several databases are gone through; none where the verb takes one.
    #[must_use]
    pub fn many(&self) -> Option<&Many> {
        match self {
            Command::Up(it) => Some(&it.many),
            Command::Down(it) => Some(&it.many),
            Command::Check(it) => Some(&it.many),
            Command::Status(it) => Some(&it.many),
            Command::Orphans(it) => Some(&it.many),
            Command::Clean(it) => Some(&it.many),
            Command::Restore(it) => Some(&it.many),
            Command::Discover(it) => Some(&it.many),
            Command::Enforce(it) => Some(&it.many),
            Command::Redo(it) => Some(&it.many),
            Command::Resolve(it) => Some(&it.many),
            Command::New(_)
            | Command::Show(_)
            | Command::Graph(_)
            | Command::Demo(_)
            | Command::Completions(_)
            | Command::Man(_) => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Command::Up(_) => "up",
            Command::Down(_) => "down",
            Command::Redo(_) => "redo",
            Command::Resolve(_) => "resolve",
            Command::Clean(_) => "clean",
            Command::Restore(_) => "restore",
            Command::Status(_) => "status",
            Command::Orphans(_) => "orphans",
            Command::Show(_) => "show",
            Command::Check(_) => "check",
            Command::Discover(_) => "discover",
            Command::New(_) => "new",
            Command::Graph(_) => "graph",
            Command::Enforce(_) => "enforce",
            Command::Demo(_) => "demo",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }
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
