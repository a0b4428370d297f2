//! `fkfix show`: a row, its parents, its children, and what hangs on it.

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::report::key::TableKey;
use crate::report::show::{
    ChangedRows, ChildRows, DeletedRows, DeletionReport, ParentRow, ParentState, RefusalReport,
    RowValues, ShowReport,
};
use crate::sqlite::file::reading;
use crate::sqlite::look::deletion::{self, Deletion, Reason};
use crate::sqlite::look::relatives::{self, Children, Parent, Reference};
use crate::sqlite::look::row::{self, Found, Row};
use crate::sqlite::orphans;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::text::rows;

/// Which row is asked for, as it was typed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The table.
    pub table: &'a str,
    /// The values of its primary key.
    pub key: &'a [String],
    /// `key` is the rowid.
    pub by_rowid: bool,
    /// How many rows of each child to give.
    pub limit: usize,
}

impl Database {
    /// The row that is `asked` for, with its parents, its children, and what deleting it would take
    /// along.
    pub fn show(&self, asked: Asked<'_>) -> Result<ShowReport> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let mut report = look(connection, asked)?;
            report.database = self.name();
            Ok(report)
        })
    }
}

fn look(database: &Connection, asked: Asked<'_>) -> Result<ShowReport> {
    let table = Table::read(database, asked.table)?;
    let row = row::find(database, &table, asked.key, asked.by_rowid)?;
    let declared = foreign_key::distinct(foreign_key::declared(database)?);
    let found = orphans::hanging_on(database, &table, &row.condition, &declared)?;
    let mut report = ShowReport::new(String::new(), &table.name, &row);
    if let Some(list) = found.removal(&table.name) {
        report.add_parents(relatives::references(database, list, &row.row, &declared)?);
        report.add_children(relatives::children(database, list, &declared, asked.limit)?);
    }
    report.deletion = deletion::foresee(database, &found, &declared)?.into();
    Ok(report)
}

impl From<Row> for RowValues {
    fn from(Row { columns, values }: Row) -> Self {
        RowValues { columns, values }
    }
}

impl ShowReport {
    /// The row that was asked for, with none of its relatives yet.
    pub fn new(database: String, table: &str, found: &Found) -> Self {
        ShowReport {
            database,
            table: table.to_owned(),
            key: found.key.clone(),
            row: found.row.clone().into(),
            parents: Vec::new(),
            children: Vec::new(),
            deletion: DeletionReport::default(),
        }
    }

    /// Adds where its keys lead.
    pub fn add_parents(&mut self, references: Vec<Reference>) {
        self.parents
            .extend(references.into_iter().map(ParentRow::from));
    }

    /// Adds the rows that refer to it.
    pub fn add_children(&mut self, children: Vec<Children>) {
        self.children
            .extend(children.into_iter().map(|it| ChildRows {
                key: TableKey::new(&it.key, it.name),
                total: it.total,
                rows: it.rows.into_iter().map(Into::into).collect(),
            }));
    }
}

impl From<Reference> for ParentRow {
    fn from(reference: Reference) -> Self {
        let (state, row, reason) = match reference.parent {
            Parent::None => (ParentState::Null, None, None),
            Parent::Row(row) => (ParentState::Found, Some(row.into()), None),
            Parent::Missing => (ParentState::Orphan, None, None),
            Parent::Unusable(reason) => (ParentState::Unusable, None, Some(reason)),
        };
        ParentRow {
            key: TableKey::new(&reference.key, reference.name),
            values: reference.values,
            state,
            row,
            reason,
        }
    }
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

fn words(reason: &Reason, key: &ForeignKey, number: i64) -> String {
    let (child, parent, label) = (&key.child, &key.parent, key.place());
    let action = key.on_delete.words();
    let of = format!("{} of {child}", rows(number));
    let (refer, their, them) = match number {
        1 => ("refers", "its", "it"),
        _ => ("refer", "their", "them"),
    };
    match reason {
        Reason::Refers => {
            format!("{of} would be left without {their} parent by {label} on delete {action}")
        }
        Reason::RefersAndGoes => format!(
            "{of} {refer} to rows that go by {label} on delete {action}, which fails unless SQLite takes {them} along first by another key"
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
