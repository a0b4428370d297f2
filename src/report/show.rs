//! A row among its relatives.

use std::fmt::Write as _;

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::key::TableKey;
use super::output::Report;
use super::table::{sample, table};
use super::value;
use crate::model::deletion::{Deletion, Reason};
use crate::model::key::{Action, ForeignKey};
use crate::model::relatives::{Children, Parent, Reference, Row};
use crate::model::value::Value;
use crate::text::{Lines, count, listing, one_line, rows};

/// Longest value of the row itself, in characters.
const WIDEST: usize = 200;
/// How many values of a parent are shown to people.
const PARENT_COLUMNS: usize = 5;

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
    pub row: RowValues,
    /// The rows that it refers to.
    pub parents: Vec<ParentRow>,
    /// The rows that refer to it, by key.
    pub children: Vec<ChildRows>,
    /// What deleting it would do.
    pub deletion: DeletionReport,
}

/// A row as an object of its columns.
#[derive(Debug)]
pub struct RowValues {
    /// The names of its columns, generated ones included.
    pub columns: Vec<String>,
    /// Its values, in the order of the columns.
    pub values: Vec<Value>,
}

/// Where a key of the row leads.
#[derive(Debug, Serialize)]
pub struct ParentRow {
    /// The key.
    #[serde(flatten)]
    pub key: TableKey,
    /// The values of its columns.
    pub values: Vec<Value>,
    /// Whether there is a parent.
    pub state: ParentState,
    /// The parent, where there is one.
    pub row: Option<RowValues>,
    /// Why it could not be looked for, where it could not.
    pub reason: Option<String>,
}

/// Whether there is a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ParentState {
    /// There is.
    Found,
    /// The key holds a NULL and refers to nothing.
    Null,
    /// There is none: the row is an orphan.
    Orphan,
    /// It could not be looked for.
    Unusable,
}

/// The rows that refer to the row by one key.
#[derive(Debug, Serialize)]
pub struct ChildRows {
    /// The key.
    #[serde(flatten)]
    pub key: TableKey,
    /// How many there are.
    pub total: i64,
    /// The first of them.
    pub rows: Vec<RowValues>,
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

impl Serialize for RowValues {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.columns.iter().zip(&self.values);
        serializer.collect_map(values)
    }
}

impl RowValues {
    /// `id 4, name Ada`: the first few values that are there.
    fn summary(&self) -> String {
        let values = self.columns.iter().zip(&self.values);
        let told = values.filter(|(_, value)| **value != Value::Null);
        let told: Vec<_> = told
            .map(|(column, value)| format!("{column} {}", value::text(value)))
            .collect();
        match told.split_at_checked(PARENT_COLUMNS) {
            Some((first, more)) if !more.is_empty() => {
                format!("{} and {} more", first.join(", "), more.len())
            }
            _ => told.join(", "),
        }
    }
}

impl From<Row> for RowValues {
    fn from(Row { columns, values }: Row) -> Self {
        RowValues { columns, values }
    }
}

impl ShowReport {
    /// The row that was asked for, with none of its relatives yet.
    pub fn new(table: &str, key: Vec<String>, row: Row) -> Self {
        ShowReport {
            database: String::new(),
            table: table.to_owned(),
            key,
            row: row.into(),
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

impl Report for ShowReport {
    fn text(&self, width: Option<u16>) -> Lines {
        let mut text = Lines::of(&format!("a row of {}", self.table));
        text.blank();
        let names: Vec<_> = self.row.columns.iter().map(|it| one_line(it)).collect();
        let widest = names.iter().map(|name| name.width()).max();
        let widest = widest.unwrap_or_default();
        for (column, value) in names.iter().zip(&self.row.values) {
            let padding = " ".repeat(widest.saturating_sub(column.width()));
            let value = value::cut(value, WIDEST);
            let _ = writeln!(text, "    {column}{padding}  {value}");
        }
        text.blank();
        text.append(&self.parents_text(width));
        for children in &self.children {
            text.blank();
            text.append(&children.text(width));
        }
        text.blank();
        text.append(&self.deletion.text(width));
        text
    }
}

impl ShowReport {
    fn parents_text(&self, width: Option<u16>) -> Lines {
        if self.parents.is_empty() {
            return Lines::of("it refers to no other row");
        }
        let lines = self.parents.iter().map(|parent| {
            let values: Vec<_> = parent.values.iter().map(value::text).collect();
            let found = match parent.state {
                ParentState::Found => parent.row.as_ref().map(RowValues::summary),
                ParentState::Null => Some("none: the key is NULL".to_owned()),
                ParentState::Orphan => Some("no such row: orphan".to_owned()),
                ParentState::Unusable => parent.reason.clone(),
            };
            vec![
                parent.key.columns.join(", "),
                values.join(", "),
                parent.key.parent.clone(),
                found.unwrap_or_default(),
            ]
        });
        let heading = ["refers by", "", "to", ""];
        table(&heading, &lines.collect::<Vec<_>>(), &[], width)
    }
}

impl ChildRows {
    fn text(&self, width: Option<u16>) -> Lines {
        let (of, refer) = match self.total {
            0 => ("no row".to_owned(), "refers"),
            1 => ("1 row".to_owned(), "refers"),
            total => (rows(total), "refer"),
        };
        let title = format!(
            "{of} of {} {refer} to it by {} on delete {}",
            self.key.table,
            self.key.place(),
            self.key.on_delete.words()
        );
        let Some(first) = self.rows.first() else {
            return Lines::of(&title);
        };
        let shown = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let values: Vec<_> = self.rows.iter().map(|row| row.values.as_slice()).collect();
        let sample = sample(&first.columns, &values, &self.key.columns, width);
        let rows = (shown < self.total).then(|| format!("the first {}", count(shown)));
        let columns = (sample.columns < first.columns.len())
            .then(|| format!("{} of {} columns", sample.columns, first.columns.len()));
        let left_out: Vec<_> = rows.into_iter().chain(columns).collect();
        let mut text = Lines::of(&if left_out.is_empty() {
            format!("{title}:")
        } else {
            format!("{title}; {}:", left_out.join(", "))
        });
        text.blank();
        text.append(&sample.text);
        text
    }
}

impl DeletionReport {
    fn text(&self, width: Option<u16>) -> Lines {
        let mut text = Lines::default();
        for refusal in &self.refusals {
            let would = if refusal.certain { "would" } else { "may" };
            let _ = writeln!(text, "deleting it {would} be refused: {}", refusal.reason);
        }
        if self.deleted.is_empty() && self.changed.is_empty() {
            if self.refusals.is_empty() {
                let _ = writeln!(text, "deleting it would take no other row");
            }
            return text;
        }
        let would = if self.refused {
            "would otherwise"
        } else {
            "would"
        };
        let _ = writeln!(text, "deleting it {would} take with it");
        text.blank();
        let deleted = self.deleted.iter().map(|it| {
            vec![
                it.table.clone(),
                count(it.rows),
                "deleted".to_owned(),
                listing(&it.by),
            ]
        });
        let changed = self.changed.iter().map(|it| {
            let action = it.action.words();
            vec![it.table.clone(), count(it.rows), action, it.key.clone()]
        });
        let heading = ["table", "rows", "", "by"];
        let lines: Vec<_> = deleted.chain(changed).collect();
        text.append(&table(&heading, &lines, &["rows"], width));
        text
    }
}
