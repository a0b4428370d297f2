//! What the user allows: what happens to orphans, and how tables are changed.

// --help shows the comments of the actions, so they hold no Markdown.
#![allow(rustdoc::invalid_html_tags)]

mod refusal;
mod wish;

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

pub use refusal::{Fates, TableFate};
pub use wish::{Wish, because};

/// What happens to rows that break a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrphanAction {
    /// As ON DELETE of the key says: CASCADE moves the row to <table>_orphans, SET NULL keeps it and sets its key to NULL; down puts both back
    Follow,
    /// Move them to <table>_orphans, whole; down brings them back
    Archive,
    /// Keep them and set their key to NULL; down puts it back
    SetNull,
    /// Remove them for good
    Delete,
    /// Report them, change nothing, exit 1
    Refuse,
    /// As `Follow`, with nothing kept: for a rehearsal, whose archives nobody would read.
    #[value(skip)]
    Rehearse,
}

impl OrphanAction {
    /// Whether the rows as they were are kept in an archive.
    #[must_use]
    pub fn keeps(self) -> bool {
        !matches!(self, OrphanAction::Delete | OrphanAction::Rehearse)
    }
}

/// What happens to triggers on tables that rows leave, or come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Triggers {
    /// Change nothing where a trigger would fire, exit 1
    Refuse,
    /// Let them fire
    Fire,
    /// Set them aside for as long as rows move
    Skip,
}

/// How a server is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// In one transaction where every child table is small, and else online
    Auto,
    /// All or nothing; writers wait until it is done
    Transaction,
    /// In short steps; nobody waits for long, and each step is whole
    Online,
}

/// How a server is changed, and how much of it at once.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// In one transaction or in steps.
    pub mode: Mode,
    /// What happens to triggers.
    pub triggers: Triggers,
    /// Rows that move in one transaction.
    pub batch: usize,
    /// How long to wait between two batches.
    pub pause: std::time::Duration,
    /// Make the indexes that the children lack.
    pub child_index: bool,
}

/// How a table may come by its new definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The stored definition is edited where few rows leave; otherwise the table is copied.
    Fastest,
    /// A copy by statements that SQLite documents for it, and no others.
    Documented,
}

/// What the user allows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What happens to them.
    pub orphans: OrphanAction,
    /// How many may leave a table; without a limit, any number, unless a parent table is empty.
    pub max_orphans: Option<Limit>,
    /// How tables come by their new definitions.
    pub method: Method,
}

impl Policy {
    /// No row may leave.
    pub const REFUSE: Policy = Policy {
        orphans: OrphanAction::Refuse,
        max_orphans: None,
        method: Method::Fastest,
    };
}

/// A number of rows, or a share of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// So many rows.
    Rows(u64),
    /// So many in a hundred.
    Percent(f64),
}

impl Limit {
    /// Whether `rows` of `of` rows are too many.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
    pub fn is_exceeded(&self, rows: i64, of: i64) -> bool {
        match *self {
            Limit::Rows(limit) => u64::try_from(rows).is_ok_and(|rows| rows > limit),
            Limit::Percent(limit) => rows as f64 * 100.0 > limit * of as f64,
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let limit = match text.strip_suffix('%') {
            Some(percent) => {
                let percent: Option<f64> = percent.trim().parse().ok();
                percent
                    .filter(|it| (0.0..=100.0).contains(it))
                    .map(Limit::Percent)
            }
            None => text.parse().ok().map(Limit::Rows),
        };
        limit.ok_or_else(|| "a number of rows such as 1000, or a share such as 5%".to_owned())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Rows(rows) => write!(f, "{rows}"),
            Limit::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_and_hold() {
        let limit: Limit = "10".parse().unwrap();
        assert!(!limit.is_exceeded(10, 10));
        assert!(limit.is_exceeded(11, 1_000_000));
        let limit: Limit = "8.5%".parse().unwrap();
        assert!(!limit.is_exceeded(85, 1000));
        assert!(limit.is_exceeded(86, 1000));
        for wrong in ["", "-1", "x", "101%", "-1%", "NaN%", "1.5"] {
            assert!(wrong.parse::<Limit>().is_err(), "{wrong}");
        }
    }
}
