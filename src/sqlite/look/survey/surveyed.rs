//! The orphans that a survey found, and where they are read from.

use crate::outcome::orphans::{Dependents, KeyOrphans};
use crate::sqlite::file::backup::TemporaryCopy;
use crate::sqlite::orphans::lists::{self, Removal};
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::quote;

/// The orphans of a database.
#[derive(Default)]
pub struct Survey {
    /// Every key that was looked at.
    pub keys: Vec<KeyOrphans>,
    /// The tables that have orphans. A table to which several migrations add keys may stand here
    /// once for each, since rows that leave by the first are gone when the second comes.
    pub tables: Vec<SurveyedTable>,
    /// Rows that refer to orphans which leave.
    pub dependents: Vec<Dependents>,
    /// Declared keys that could not be looked at, and why.
    pub unusable: Vec<(ForeignKey, String)>,
    /// How many tables were looked at.
    pub(super) places: usize,
    /// Of how many of `tables` the rows are kept apart.
    pub(super) kept: usize,
    /// Where the migrations were rehearsed, if they were; the rows are read from there.
    pub(super) copy: Option<TemporaryCopy>,
}

/// A table and its orphans.
#[derive(Debug)]
pub struct SurveyedTable {
    /// The table, as it was when they were looked for.
    pub table: Table,
    /// Its place among the tables that were looked at.
    pub place: usize,
    /// How many rows break a key, each counted once.
    pub orphans: i64,
    /// How many of these break more than one.
    pub break_several: i64,
    /// How many rows the table has in all.
    pub of: i64,
    /// Where the orphans are read from.
    pub(super) source: Source,
}

/// Where the orphans of one table are read from, as rows `w`.
#[derive(Debug)]
pub(super) struct Source {
    /// The rowid where there is one, as an expression.
    pub(super) rowid: String,
    /// The keys that the row breaks, as an expression.
    pub(super) reasons: String,
    /// FROM and all behind it.
    pub(super) from: String,
}

impl Source {
    /// Where the orphans in the list of `removal` are read from.
    pub(super) fn of(removal: &Removal) -> Self {
        let table = &removal.table;
        let rowid = match &table.row_key {
            RowKey::Alias(name) => format!("w.{}", quote(name)),
            RowKey::Implicit(name) => format!("w.{name}"),
            RowKey::PrimaryKey(_) | RowKey::Hidden => "NULL".to_owned(),
        };
        let key: Vec<_> = (1..=table.row_key.columns().len())
            .map(|at| format!("l.k{at}"))
            .collect();
        Source {
            rowid,
            reasons: "l.reasons".to_owned(),
            from: format!(
                "{} AND l.breaks > 0 ORDER BY {}",
                lists::from_listed("w", removal),
                key.join(", ")
            ),
        }
    }

    /// A query for the orphans: rowid, reasons and `columns`.
    pub(super) fn query(&self, columns: &str) -> String {
        let Source {
            rowid,
            reasons,
            from,
        } = self;
        format!("SELECT {rowid}, {reasons}, {columns} {from}")
    }
}
