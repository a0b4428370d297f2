//! A row among its relatives, and what deleting it would do.

use serde::Serialize;

use crate::failure::Failure;
use crate::model::deletion::{Deletion, Reason};
use crate::model::key::{Action, ForeignKey};
use crate::model::relatives::{Children, Reference, Row};
use crate::text::rows;

/// What `fkfix show` found.
#[derive(Debug, Serialize)]
pub struct ShowReport {
    /// The file.
    pub database: String,
    /// The table.
    pub table: String,
    /// The columns by which the row was asked for.
    pub key: Vec<String>,
    /// The row, by column.
    pub row: Row,
    /// The rows that it refers to.
    pub parents: Vec<Reference>,
    /// The rows that refer to it, by key.
    pub children: Vec<Children>,
    /// What deleting it would do.
    pub deletion: DeletionReport,
}

/// What a deletion would do.
#[derive(Debug, Default, Serialize)]
pub struct DeletionReport {
    /// It would fail, or may.
    pub refused: bool,
    /// Rows that go along, by table.
    pub deleted: Vec<DeletedRows>,
    /// Rows whose key is changed.
    pub changed: Vec<ChangedRows>,
    /// Why it would fail.
    pub refusals: Vec<RefusalReport>,
}

/// Rows that go along.
#[derive(Debug, Serialize)]
pub struct DeletedRows {
    /// The table.
    pub table: String,
    /// How many, each counted once.
    pub rows: i64,
    /// The keys by which they go.
    pub by: Vec<String>,
}

/// Rows whose key is changed.
#[derive(Debug, Serialize)]
pub struct ChangedRows {
    /// The table.
    pub table: String,
    /// The key.
    pub key: String,
    /// `SET NULL` or `SET DEFAULT`.
    pub action: Action,
    /// How many.
    pub rows: i64,
}

/// Why a deletion fails.
#[derive(Debug, Serialize)]
pub struct RefusalReport {
    /// The child table.
    pub table: String,
    /// The key.
    pub key: String,
    /// How many rows stand in the way.
    pub rows: i64,
    /// Why, in words.
    pub reason: String,
    /// Whether it is so for sure; otherwise it depends on which key acts first.
    pub certain: bool,
}

impl From<Deletion> for DeletionReport {
    fn from(deletion: Deletion) -> Self {
        let deleted = deletion.taken.into_iter().map(|it| DeletedRows {
            table: it.table,
            rows: it.rows,
            by: it.by.into_iter().map(|(key, _)| key).collect(),
        });
        let changed = deletion.changed.into_iter().map(|it| ChangedRows {
            key: it.key.place(),
            table: it.key.child,
            action: it.key.on_delete,
            rows: it.rows,
        });
        let refusals = deletion.refusals.into_iter().map(|it| RefusalReport {
            key: it.key.place(),
            reason: words(&it.reason, &it.key, it.rows),
            certain: it.reason != Reason::RefersAndGoes,
            table: it.key.child,
            rows: it.rows,
        });
        let refusals: Vec<_> = refusals.collect();
        DeletionReport {
            refused: !refusals.is_empty(),
            deleted: deleted.collect(),
            changed: changed.collect(),
            refusals,
        }
    }
}

/// That `given` values do not make the `key` of `table`.
#[must_use]
pub fn wrong_number(table: &str, key: &[String], given: usize) -> Failure {
    let takes = match key.len() {
        1 => "1 value".to_owned(),
        number => format!("{number} values"),
    };
    let key = key.join(", ");
    Failure::impossible(format!(
        "the key of {table} is ({key}): it takes {takes}, not {given}"
    ))
    .hint("give one value for each column of the key, in this order")
}

fn words(reason: &Reason, key: &ForeignKey, number: i64) -> String {
    let (child, parent, label) = (&key.child, &key.parent, key.place());
    let action = key.on_delete.words();
    let of = format!("{} of {child}", rows(number));
    let (refer, their, they) = match number {
        1 => ("refers", "its", "it goes"),
        _ => ("refer", "their", "they go"),
    };
    match reason {
        Reason::Refers => {
            format!("{of} would be left without {their} parent by {label} on delete {action}")
        }
        Reason::RefersAndGoes => format!(
            "{of} {refer} to rows that go by {label} on delete {action}, which fails unless {they} first by another key"
        ),
        Reason::NotNull(column) => {
            format!("{of} can't have NULL in {column}, which {label} on delete {action} would set")
        }
        Reason::NoDefaultParent => {
            format!("the default that {of} would get by {label} on delete {action} has no parent")
        }
        Reason::NoParentKey => format!(
            "{label} refers to {parent} ({}), which is neither PRIMARY KEY nor UNIQUE: no row of {parent} can be deleted",
            key.parent_columns.join(", ")
        ),
    }
}

impl ShowReport {
    /// The row that was asked for, with none of its relatives yet.
    pub fn new(table: &str, key: Vec<String>, row: Row) -> Self {
        ShowReport {
            database: String::new(),
            table: table.to_owned(),
            key,
            row,
            parents: Vec::new(),
            children: Vec::new(),
            deletion: DeletionReport::default(),
        }
    }
}
