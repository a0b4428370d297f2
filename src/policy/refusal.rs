//! Why a policy does not let the rows of a plan leave or forget their keys, whatever engine found
//! them.

use super::{Limit, OrphanAction, Policy};
use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::text::{self, count};

/// What would happen to the rows of one table.
#[derive(Debug)]
pub struct TableFate<'a> {
    /// The table.
    pub table: &'a str,
    /// How many rows it has.
    pub of: i64,
    /// How many would leave.
    pub leave: i64,
    /// How many would stay and forget a key.
    pub kept: i64,
    /// How many break a key themselves; the others refer to rows that leave.
    pub orphans: i64,
    /// Rows follow others of the same table.
    pub follows_itself: bool,
}

/// What a plan would do to rows.
#[derive(Debug)]
pub struct Fates<'a> {
    /// A key is new; else all are there already.
    pub is_new: bool,
    /// The first key that does not let a row leave that would have to, with the number of rows
    /// that refer by it to such rows.
    pub blocked: Option<(&'a ForeignKey, i64)>,
    /// The tables whose rows would leave or forget keys, in the order in which they were found.
    pub tables: Vec<TableFate<'a>>,
    /// The first key that is broken and whose parent holds no row.
    pub empty_parent: Option<&'a ForeignKey>,
}

impl Policy {
    /// Why this does not let `fates` happen, if it does not.
    #[must_use]
    pub fn refusal(&self, fates: &Fates<'_>) -> Option<Failure> {
        if let Some((key, rows)) = fates.blocked {
            return Some(blocked(key, rows));
        }
        let total: i64 = fates.tables.iter().map(|it| it.leave + it.kept).sum();
        if self.orphans == OrphanAction::Refuse && total > 0 {
            return Some(broken(total, fates.is_new));
        }
        match (&self.max_orphans, fates.empty_parent) {
            (Some(limit), _) => fates.tables.iter().find_map(|it| it.over(limit)),
            (None, Some(key)) => Some(empty_parent(key)),
            (None, None) => fates.tables.iter().find_map(TableFate::emptied),
        }
    }
}

fn blocked(key: &ForeignKey, rows: i64) -> Failure {
    let (refer, their) = match rows {
        1 => ("refers", "its"),
        _ => ("refer", "their"),
    };
    Failure::refused(format!(
        "{} of {} {refer} to rows of {} that would have to go, and {their} key {key} does not let them",
        text::rows(rows), key.child, key.parent
    ))
    .hint(format!(
        "give the orphans of {} a parent, or remove those rows of {} first; --orphans archive takes them along, --orphans set-null keeps all rows whose key may be NULL",
        key.parent, key.child
    ))
}

fn broken(total: i64, is_new: bool) -> Failure {
    let keys = if is_new {
        "the new keys"
    } else {
        "keys that are there already"
    };
    Failure::refused(match total {
        1 => format!("1 row breaks {keys}"),
        _ => format!(
            "{} break {keys} or depend on one that does",
            text::rows(total)
        ),
    })
    .hint("--orphans archive keeps them aside and brings them back on down; --orphans delete removes them for good")
}

fn empty_parent(key: &ForeignKey) -> Failure {
    Failure::refused(format!(
        "{} holds no row at all, so every row of {} with a value in ({}) would be an orphan",
        key.parent,
        key.child,
        key.columns.join(", ")
    ))
    .hint("check that this is the right database; if it is, allow it with --max-orphans 100%")
}

impl TableFate<'_> {
    fn over(&self, limit: &Limit) -> Option<Failure> {
        let touched = self.leave + self.kept;
        if !limit.is_exceeded(touched, self.of) {
            return None;
        }
        let what = match (self.leave, self.kept) {
            (_, 0) => "would leave",
            (0, _) => "would lose their key in",
            _ => "would leave or lose their key in",
        };
        Some(
            Failure::refused(format!(
                "{} of {} {what} {}, and --max-orphans allows {limit}",
                count(touched),
                text::rows(self.of),
                self.table
            ))
            .hint("see which ones with fkfix orphans, then raise the limit or repair the rows"),
        )
    }

    /// The refusal to have a table lose all its rows without a word, or more than its own orphans
    /// since a key within it has one row take the next along.
    fn emptied(&self) -> Option<Failure> {
        let TableFate {
            table, leave, of, ..
        } = *self;
        let more = self.orphans > 0 && leave > self.orphans && self.follows_itself;
        if leave == 0 || leave < of && !more {
            return None;
        }
        let what = match (leave == of, of) {
            (true, 1) => format!("the only row of {table} would leave"),
            (true, _) => format!("all {} of {table} would leave", text::rows(of)),
            (false, _) => format!("{} of {} would leave {table}", count(leave), text::rows(of)),
        };
        let why = match (self.orphans, leave) {
            (0, 1) => "it refers to a row that leaves".to_owned(),
            (0, _) => "they refer to rows that leave".to_owned(),
            (1, 1) => "its parent is missing".to_owned(),
            (orphans, leave) if orphans >= leave => "their parents are missing".to_owned(),
            (orphans, leave) => format!(
                "{} without a parent, and {} that refer to rows that leave",
                count(orphans),
                count(leave - orphans)
            ),
        };
        Some(Failure::refused(format!("{what}: {why}")).hint(format!(
            "see which ones with fkfix orphans; --orphans set-null keeps rows whose key may be NULL; --max-orphans {leave} allows it"
        )))
    }
}
